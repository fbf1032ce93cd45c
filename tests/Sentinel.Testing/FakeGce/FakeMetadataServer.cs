using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Sentinel.Testing.FakeGce;

/// <summary>The metadata server as one VM sees it: project, name, zone, tokens, and whether it is being preempted.</summary>
public sealed class FakeMetadataServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTimeOffset> _tokens = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isPreempted;
    private int _tokensGiven;

    private FakeMetadataServer(WebApplication app, TimeProvider time) => (_app, _time) = (app, time);

    public Uri Endpoint { get; private set; } = null!;

    public string Project { get; set; } = "test-project";

    public string Zone { get; set; } = "us-central1-a";

    public string Instance { get; set; } = "spot-1";

    /// <summary>How long a token is good.</summary>
    public TimeSpan TokenLife { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Every request is answered with 503.</summary>
    public bool IsBroken { get; set; }

    public int TokensGiven => Volatile.Read(ref _tokensGiven);

    /// <summary>What <c>instance/preempted</c> says; those who wait for a change are told.</summary>
    public bool IsPreempted
    {
        get => Volatile.Read(ref _isPreempted);
        set
        {
            lock (_lock)
            {
                _isPreempted = value;
                _changed.TrySetResult();
                _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    public static async Task<FakeMetadataServer> StartAsync(TimeProvider? time = null, IPAddress? address = null, int port = 0)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(address ?? IPAddress.Loopback, port));
        builder.Logging.SetMinimumLevel(LogLevel.None);
        var app = builder.Build();
        var server = new FakeMetadataServer(app, time ?? TimeProvider.System);
        app.Run(server.HandleAsync);
        await app.StartAsync().ConfigureAwait(false);
        server.Endpoint = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return server;
    }

    /// <summary>Whether a token was given out and is still good.</summary>
    public bool Knows(string token)
    {
        lock (_lock)
        {
            return _tokens.TryGetValue(token, out var until) && _time.GetUtcNow() < until;
        }
    }

    /// <summary>Writes the key of a service account that is given tokens here.</summary>
    public async Task WriteKeyAsync(string file)
    {
        using var rsa = RSA.Create(2048);
        await File.WriteAllTextAsync(file, new JsonObject
        {
            ["type"] = "service_account",
            ["project_id"] = Project,
            ["private_key_id"] = "1",
            ["private_key"] = rsa.ExportPkcs8PrivateKeyPem(),
            ["client_email"] = $"sentinel@{Project}.iam.gserviceaccount.com",
            ["client_id"] = "1",
            ["token_uri"] = new Uri(Endpoint, "/token").ToString(),
        }.ToJsonString()).ConfigureAwait(false);
    }

    /// <summary>No token that was given out is good any more.</summary>
    public void Revoke()
    {
        lock (_lock)
        {
            _tokens.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync().ConfigureAwait(false);
        await _app.StopAsync(now.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    private async Task HandleAsync(HttpContext context)
    {
        context.Response.Headers["Metadata-Flavor"] = "Google";
        if (IsBroken)
        {
            context.Response.StatusCode = 503;
            return;
        }

        // Not the metadata server's, but the token endpoint that a service account's key names: it wants a signed assertion.
        if (context.Request.Path == "/token" && (await context.Request.ReadFormAsync(context.RequestAborted).ConfigureAwait(false))["assertion"].Count == 1)
        {
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(Token(), context.RequestAborted).ConfigureAwait(false);
            return;
        }

        if (context.Request.Headers["Metadata-Flavor"] != "Google")
        {
            context.Response.StatusCode = 403;
            return;
        }

        var answer = context.Request.Path.Value switch
        {
            "/computeMetadata/v1/project/project-id" => Project,
            "/computeMetadata/v1/instance/name" => Instance,
            "/computeMetadata/v1/instance/zone" => $"projects/123456789/zones/{Zone}",
            "/computeMetadata/v1/instance/service-accounts/default/token" => Token(),
            "/computeMetadata/v1/instance/preempted" => await PreemptedAsync(context).ConfigureAwait(false),
            _ => null,
        };
        context.Response.StatusCode = answer is null ? 404 : 200;
        await context.Response.WriteAsync(answer ?? "", context.RequestAborted).ConfigureAwait(false);
    }

    private string Token()
    {
        var token = $"ya29.fake-{Interlocked.Increment(ref _tokensGiven)}";
        lock (_lock)
        {
            _tokens[token] = _time.GetUtcNow() + TokenLife;
        }

        return new JsonObject { ["access_token"] = token, ["expires_in"] = (int)TokenLife.TotalSeconds, ["token_type"] = "Bearer" }.ToJsonString();
    }

    private async Task<string> PreemptedAsync(HttpContext context)
    {
        var query = context.Request.Query;
        Task changed;
        lock (_lock)
        {
            changed = _changed.Task;
        }

        if (query["wait_for_change"] == "true" && (query["last_etag"].Count == 0 || query["last_etag"] == ETag()))
        {
            var patience = TimeSpan.FromSeconds(int.Parse(query["timeout_sec"].FirstOrDefault() ?? "3600", CultureInfo.InvariantCulture));
            await Task.WhenAny(changed, Task.Delay(patience, _time, context.RequestAborted)).ConfigureAwait(false);
        }

        context.Response.Headers.ETag = ETag();
        return IsPreempted ? "TRUE" : "FALSE";
    }

    private string ETag() => IsPreempted ? "5ab1f0c2d3e4f506" : "9c8d7e6f5a4b3c2d";
}
