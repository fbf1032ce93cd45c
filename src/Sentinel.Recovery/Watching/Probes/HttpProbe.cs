namespace Sentinel.Recovery.Watching.Probes;

/// <summary>The answer's status is 2xx or 3xx. A redirect is not followed, and the body is not read.</summary>
internal sealed class HttpProbe(int port, string path) : IProbe
{
    private static readonly HttpClient Client = ProbeHttpClient.Create();

    public async Task<string?> CheckAsync(string host, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, ProbeHttpClient.Address(host, port, path));
        using var response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        return (int)response.StatusCode is >= 200 and < 400 ? null : $"answered {(int)response.StatusCode} at {path}";
    }
}
