using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Polly;
using Sentinel.Recovery.Clouds.Gce.Credentials;
using Sentinel.Recovery.Clouds.Gce.Wire;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>
/// The Compute Engine API for the methods that recovery uses, under one set of settings. Every request goes through one
/// pipeline and is measured; refusals, an unreachable API included, are values. Thread-safe.
/// Source: the API's public description, compute/v1.
/// </summary>
internal sealed partial class GceClient : IDisposable
{
    private const int PageSize = 500;

    /// <summary>The server answers a wait after two minutes at the latest, finished or not.</summary>
    private static readonly CloudPipelineOptions Waiting = new() { Attempt = TimeSpan.FromSeconds(130), Total = TimeSpan.FromSeconds(150), Retries = 1, BreakAfter = 1000 };

    private readonly GceSettings _settings;
    private readonly HttpClient _http;
    private readonly MetadataServer _metadata;
    private readonly IGceTokens _tokens;
    private readonly RequestBudget _budget;
    private readonly ResiliencePipeline<GceReply> _pipeline;
    private readonly ResiliencePipeline<GceReply> _waiting;
    private readonly RecoveryMeter _meter;
    private readonly TimeProvider _time;

    /// <param name="transport">What carries requests; null: the network.</param>
    public GceClient(GceSettings settings, RecoveryMeter meter, TimeProvider time, HttpMessageHandler? transport = null)
    {
        (_settings, _meter, _time) = (settings, meter, time);
        _http = new(transport ?? new AsideHandler(new SocketsHttpHandler
        {
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            ConnectTimeout = TimeSpan.FromSeconds(3),
            UseProxy = !settings.Endpoint.IsLoopback,
            AutomaticDecompression = System.Net.DecompressionMethods.All,
        }))
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _metadata = new(settings.MetadataEndpoint, time);
        _tokens = settings.Credentials.Kind switch
        {
            GceCredentialKind.None => new NoTokens(),
            GceCredentialKind.File => new FileTokens(settings.Credentials.File!),
            _ => _metadata,
        };
        _budget = new(settings.RequestsPerMinute, time);
        _pipeline = Build(new());
        _waiting = Build(Waiting);

        ResiliencePipeline<GceReply> Build(CloudPipelineOptions options) => CloudPipeline.Build<GceReply>(
            GceCloud.Name, time, options with { Budget = _budget }, reply => reply.IsTransient, reply => reply.RetryAfter);
    }

    /// <summary>One instance.</summary>
    public Task<GceAnswer<GceInstance>> InstanceAsync(string zone, string name, CancellationToken cancellationToken) =>
        SendAsync("instances.get", HttpMethod.Get, $"zones/{zone}/instances/{name}", GceJson.Default.GceInstance, _pipeline, isUrgent: true, cancellationToken);

    /// <summary>All instances of a zone, as far as watching needs them.</summary>
    public async Task<GceAnswer<List<GceInstance>>> InstancesAsync(string zone, CancellationToken cancellationToken)
    {
        const string Fields = "items(id,name,status,fingerprint,creationTimestamp,lastStartTimestamp,lastStopTimestamp,networkInterfaces/networkIP,scheduling/provisioningModel),nextPageToken";
        return await AllAsync("instances.list", $"zones/{zone}/instances?maxResults={PageSize}&fields={Uri.EscapeDataString(Fields)}", GceJson.Default.GcePageGceInstance, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Where which instances are: those of all zones of the project in a few requests.</summary>
    /// <returns>The instances, and the zones that could not be asked.</returns>
    public async Task<GceAnswer<GceCensus>> CensusAsync(CancellationToken cancellationToken)
    {
        const string Fields = "items/*/instances(id,name,zone,status,creationTimestamp,lastStartTimestamp),nextPageToken,unreachables";
        var census = new GceCensus([], []);
        string? token = null;
        do
        {
            var page = await SendAsync(
                "instances.aggregatedList", HttpMethod.Get, $"aggregated/instances?maxResults={PageSize}&returnPartialSuccess=true&fields={Uri.EscapeDataString(Fields)}{Next(token)}",
                GceJson.Default.GceCensusPage, _pipeline, isUrgent: false, cancellationToken).ConfigureAwait(false);
            if (page.Refusal is { } refusal)
            {
                return refusal;
            }

            foreach (var instance in (page.Value!.Items ?? new Dictionary<string, GceCensusZone>()).Values.SelectMany(zone => zone.Instances ?? []))
            {
                census.Add(instance);
            }

            census.Unreachable.UnionWith((page.Value.Unreachables ?? []).Select(GceDescription.Last));
            token = page.Value.NextPageToken;
        }
        while (token is not null);
        return census;
    }

    /// <summary>All that there is to say of a zone's instances.</summary>
    public Task<GceAnswer<List<JsonObject>>> DescriptionsAsync(string zone, CancellationToken cancellationToken) =>
        AllAsync("instances.list", $"zones/{zone}/instances?maxResults={PageSize}", GceJson.Default.GcePageJsonObject, cancellationToken);

    /// <summary>What a zone's disks were made of.</summary>
    public Task<GceAnswer<List<GceDisk>>> DisksAsync(string zone, CancellationToken cancellationToken) => AllAsync(
        "disks.list", $"zones/{zone}/disks?maxResults={PageSize}&fields={Uri.EscapeDataString("items(name,sourceImage,sourceSnapshot,sizeGb,type,labels),nextPageToken")}",
        GceJson.Default.GcePageGceDisk, cancellationToken);

    /// <summary>All that there is to say of one instance.</summary>
    public Task<GceAnswer<JsonObject>> DescriptionAsync(string zone, string name, CancellationToken cancellationToken) =>
        SendAsync("instances.get", HttpMethod.Get, $"zones/{zone}/instances/{name}", GceJson.Default.JsonObject, _pipeline, isUrgent: true, cancellationToken);

    /// <summary>One page of a zone's operations, newest first.</summary>
    public Task<GceAnswer<GcePage<GceOperation>>> OperationsAsync(string zone, int size, string? token, CancellationToken cancellationToken) => SendAsync(
        "zoneOperations.list", HttpMethod.Get, $"zones/{zone}/operations?maxResults={size}&orderBy={Uri.EscapeDataString("creationTimestamp desc")}{Next(token)}",
        GceJson.Default.GcePageGceOperation, _pipeline, isUrgent: false, cancellationToken);

    /// <summary>What happened to one instance, in no useful order: the filter is one that is documented.</summary>
    public Task<GceAnswer<GcePage<GceOperation>>> OperationsOfAsync(string zone, string instance, CancellationToken cancellationToken) => SendAsync(
        "zoneOperations.list", HttpMethod.Get,
        $"zones/{zone}/operations?maxResults={PageSize}&filter={Uri.EscapeDataString($"targetLink=\"{LinkOf(zone, instance)}\"")}",
        GceJson.Default.GcePageGceOperation, _pipeline, isUrgent: true, cancellationToken);

    /// <summary>Asks for something to be done to an instance; what comes back may not be over, and may still fail.</summary>
    public Task<GceAnswer<GceOperation>> DoAsync(string zone, string name, string verb, Guid requestId, CancellationToken cancellationToken) => SendAsync(
        $"instances.{verb}", HttpMethod.Post, $"zones/{zone}/instances/{name}/{verb}?requestId={requestId}",
        GceJson.Default.GceOperation, _pipeline, isUrgent: true, cancellationToken);

    /// <summary>Asks for an instance, which must be off for most of these, to be changed.</summary>
    /// <param name="query">Begins with an ampersand unless it is empty.</param>
    public Task<GceAnswer<GceOperation>> ChangeAsync(string zone, string name, string verb, string query, JsonObject body, Guid requestId, CancellationToken cancellationToken) => SendAsync(
        $"instances.{verb}", HttpMethod.Post, $"zones/{zone}/instances/{name}/{verb}?requestId={requestId}{query}",
        GceJson.Default.GceOperation, _pipeline, isUrgent: true, cancellationToken, body);

    /// <summary>Makes an instance.</summary>
    /// <param name="template">Null: the body says it all.</param>
    /// <param name="body">What it does not take from the template; disks that are named here take the place of all of the template's.</param>
    public Task<GceAnswer<GceOperation>> InsertAsync(string zone, string? template, JsonObject body, Guid requestId, CancellationToken cancellationToken) => SendAsync(
        "instances.insert", HttpMethod.Post,
        $"zones/{zone}/instances?requestId={requestId}{(template is null ? "" : $"&sourceInstanceTemplate={Uri.EscapeDataString(template)}")}",
        GceJson.Default.GceOperation, _pipeline, isUrgent: true, cancellationToken, body);

    /// <summary>One disk.</summary>
    /// <param name="place">Where: <c>zones/Z</c> or <c>regions/R</c>.</param>
    public Task<GceAnswer<GceDisk>> DiskAsync(string place, string name, CancellationToken cancellationToken) =>
        SendAsync("disks.get", HttpMethod.Get, $"{place}/disks/{name}", GceJson.Default.GceDisk, _pipeline, isUrgent: true, cancellationToken);

    /// <summary>Puts labels in place of all that a disk of a zone has; refused if they changed since the fingerprint was read.</summary>
    public Task<GceAnswer<GceOperation>> LabelAsync(string zone, string disk, IEnumerable<KeyValuePair<string, string>> labels, string? fingerprint, Guid requestId, CancellationToken cancellationToken) => SendAsync(
        "disks.setLabels", HttpMethod.Post, $"zones/{zone}/disks/{disk}/setLabels?requestId={requestId}", GceJson.Default.GceOperation, _pipeline, isUrgent: true, cancellationToken,
        new JsonObject { ["labels"] = new JsonObject(labels.Select(label => KeyValuePair.Create(label.Key, (JsonNode?)label.Value))), ["labelFingerprint"] = fingerprint });

    /// <summary>Copies a disk of a zone; what comes back may not be over.</summary>
    public Task<GceAnswer<GceOperation>> SnapshotAsync(string zone, string disk, string snapshot, Guid requestId, CancellationToken cancellationToken) => SendAsync(
        "disks.createSnapshot", HttpMethod.Post, $"zones/{zone}/disks/{disk}/createSnapshot?requestId={requestId}",
        GceJson.Default.GceOperation, _pipeline, isUrgent: true, cancellationToken, new JsonObject { ["name"] = snapshot });

    /// <summary>A snapshot.</summary>
    public Task<GceAnswer<JsonObject>> SnapshotAsync(string snapshot, CancellationToken cancellationToken) =>
        SendAsync("snapshots.get", HttpMethod.Get, $"global/snapshots/{snapshot}", GceJson.Default.JsonObject, _pipeline, isUrgent: true, cancellationToken);

    /// <summary>An instance template, by its full name from <c>projects/</c> on.</summary>
    public Task<GceAnswer<JsonObject>> TemplateAsync(string template, CancellationToken cancellationToken) =>
        SendAsync("instanceTemplates.get", HttpMethod.Get, "/" + template, GceJson.Default.JsonObject, _pipeline, isUrgent: true, cancellationToken);

    /// <summary>Waits for an operation for two minutes at most: one request, however long.</summary>
    public Task<GceAnswer<GceOperation>> WaitAsync(string zone, string operation, CancellationToken cancellationToken) => SendAsync(
        "zoneOperations.wait", HttpMethod.Post, $"zones/{zone}/operations/{operation}/wait", GceJson.Default.GceOperation, _waiting, isUrgent: true, cancellationToken);

    public void Dispose()
    {
        _http.Dispose();
        _metadata.Dispose();
    }

    /// <summary>Instances are named in full by an address that does not depend on where the API is reached.</summary>
    private string LinkOf(string zone, string instance) =>
        $"https://www.googleapis.com/compute/v1/projects/{_settings.Project ?? _project}/zones/{zone}/instances/{instance}";

    private string? _project;

    private static string Next(string? token) => token is null ? "" : $"&pageToken={Uri.EscapeDataString(token)}";

    private async Task<GceAnswer<List<T>>> AllAsync<T>(string method, string path, JsonTypeInfo<GcePage<T>> type, CancellationToken cancellationToken)
    {
        var all = new List<T>();
        string? token = null;
        do
        {
            var page = await SendAsync(method, HttpMethod.Get, path + Next(token), type, _pipeline, isUrgent: false, cancellationToken).ConfigureAwait(false);
            if (page.Refusal is { } refusal)
            {
                return refusal;
            }

            all.AddRange(page.Value!.Items ?? []);
            token = page.Value.NextPageToken;
        }
        while (token is not null);
        return all;
    }

    private async Task<GceAnswer<T>> SendAsync<T>(
        string method, HttpMethod verb, string path, JsonTypeInfo<T> type, ResiliencePipeline<GceReply> pipeline, bool isUrgent, CancellationToken cancellationToken,
        JsonObject? body = null)
        where T : class
    {
        var begun = _time.GetTimestamp();
        var answer = await AnswerAsync(verb, path, type, pipeline, isUrgent, cancellationToken, body).ConfigureAwait(false);
        var took = _time.GetElapsedTime(begun);
        _meter.CountCloudRequest(GceCloud.Name, method, answer.Refusal?.Result ?? CloudResult.Done, took);
        CallTrace.Tell(method, answer.Refusal?.Result ?? CloudResult.Done, took);
        if (answer.Refusal is { IsThrottled: true })
        {
            _budget.PauseUntilNextMinute();
        }

        return answer;
    }

    private async Task<GceAnswer<T>> AnswerAsync<T>(
        HttpMethod verb, string path, JsonTypeInfo<T> type, ResiliencePipeline<GceReply> pipeline, bool isUrgent, CancellationToken cancellationToken,
        JsonObject? body = null)
        where T : class
    {
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: false, cancellationToken);
        context.Properties.Set(Budgeting.IsUrgent, isUrgent);
        try
        {
            _project = _settings.Project ?? await _metadata.ProjectAsync(cancellationToken).ConfigureAwait(false);
            var uri = new Uri(_settings.Endpoint, path[0] == '/' ? $"/compute/v1{path}" : $"/compute/v1/projects/{_project}/{path}");
            var content = body?.ToJsonString();
            var reply = await pipeline.ExecuteAsync(async inner => await TryAsync(verb, uri, content, inner.CancellationToken).ConfigureAwait(false), context).ConfigureAwait(false);
            return !reply.IsGood ? GceRefusal.Of(reply.Status, reply.Body)
                : JsonSerializer.Deserialize(reply.Body, type) is { } value ? value
                : GceRefusal.Unreachable("the answer is empty");
        }
        catch (GceCredentialException e)
        {
            return new GceRefusal(CloudResult.Forbidden, false, e.Message);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            return GceRefusal.Unreachable($"{_settings.Endpoint.Host}: {e.Message}");
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private async Task<GceReply> TryAsync(HttpMethod verb, Uri uri, string? content, CancellationToken cancellationToken)
    {
        var token = await _tokens.GetAsync(cancellationToken).ConfigureAwait(false);
        var reply = await SendOnceAsync(verb, uri, content, token, cancellationToken).ConfigureAwait(false);
        if (reply.Status != 401 || token is null)
        {
            return reply;
        }

        // It may have been revoked, or a clock is wrong: one more, with a new one.
        _tokens.Forget(token);
        return await SendOnceAsync(verb, uri, content, await _tokens.GetAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    private async Task<GceReply> SendOnceAsync(HttpMethod verb, Uri uri, string? content, string? token, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(verb, uri);
        request.Content = content is null ? null : new StringContent(content, System.Text.Encoding.UTF8, "application/json");
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        using var response = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        var after = response.Headers.RetryAfter;
        return new(
            (int)response.StatusCode,
            await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false),
            after?.Delta ?? (after?.Date - _time.GetUtcNow()));
    }
}
