namespace Sentinel.Recovery.Watching.Probes;

/// <summary>An HTTP client for checks: each on a new connection, to the backend itself, as it answers.</summary>
internal static class ProbeHttpClient
{
    public static HttpClient Create() => new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        MaxResponseHeadersLength = 64, // KiB
        PooledConnectionLifetime = TimeSpan.Zero, // an old connection proves nothing about new ones
        ActivityHeadersPropagator = null,
    })
    {
        Timeout = Timeout.InfiniteTimeSpan, // the caller's token ends the check
    };

    public static Uri Address(string host, int port, string path) =>
        new($"http://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}{path}");
}
