using System.Text.Json;
using Sentinel.Recovery.Clouds.Gce.Wire;

namespace Sentinel.Recovery.Clouds.Gce.Credentials;

/// <summary>
/// The metadata server of the machine that this sentinel runs on: the name of its project, and tokens of its service
/// account. Source: the Compute Engine documentation, "About VM metadata".
/// </summary>
internal sealed class MetadataServer(Uri endpoint, TimeProvider time) : IGceTokens, IDisposable
{
    /// <summary>A token is renewed so long before its end; the server itself hands out a new one five minutes before.</summary>
    private static readonly TimeSpan Spare = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = Patience }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly SemaphoreSlim _one = new(1);
    private Kept? _token;
    private string? _project;

    /// <summary>The project that this machine belongs to.</summary>
    /// <exception cref="GceCredentialException">The metadata server does not say.</exception>
    public async Task<string> ProjectAsync(CancellationToken cancellationToken) =>
        _project ??= System.Text.Encoding.UTF8.GetString(await ReadAsync("project/project-id", cancellationToken).ConfigureAwait(false)).Trim();

    public async Task<string?> GetAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_token is not { } kept || time.GetElapsedTime(kept.Since) >= kept.Lasts)
            {
                var since = time.GetTimestamp();
                var body = await ReadAsync("instance/service-accounts/default/token", cancellationToken).ConfigureAwait(false);
                var token = JsonSerializer.Deserialize(body, GceJson.Default.MetadataToken) ?? throw new JsonException("empty");
                _token = kept = new(token.AccessToken, since, TimeSpan.FromSeconds(token.ExpiresIn) - Spare);
            }

            return kept.Token;
        }
        catch (JsonException e)
        {
            throw new GceCredentialException($"the metadata server gave no token: {e.Message}", e);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Forget(string token)
    {
        if (Volatile.Read(ref _token) is { } kept && kept.Token == token)
        {
            Interlocked.CompareExchange(ref _token, null, kept);
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _one.Dispose();
    }

    private async Task<byte[]> ReadAsync(string what, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(endpoint, $"/computeMetadata/v1/{what}"));
        request.Headers.Add("Metadata-Flavor", "Google");
        try
        {
            using var response = await _http.SendAsync(request, either.Token).ConfigureAwait(false);
            return response.IsSuccessStatusCode
                ? await response.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false)
                : throw new GceCredentialException($"the metadata server at {endpoint} answers {(int)response.StatusCode} for {what}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new GceCredentialException($"the metadata server at {endpoint} cannot be reached: {e.Message} Off Compute Engine, name a project and credentials in clouds.gce.", e);
        }
    }

    private sealed record Kept(string Token, long Since, TimeSpan Lasts);
}
