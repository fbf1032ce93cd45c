using System.Net;
using Microsoft.AspNetCore.Http;

namespace Sentinel.Service.Admin;

/// <summary>Who may ask what. No I/O.</summary>
internal static class Access
{
    /// <summary>Whether the request must show the token: whatever is not mere reading, all of <c>/v1</c>, and off loopback everything but what monitors read.</summary>
    /// <param name="method">HTTP's.</param>
    /// <param name="path">Decoded.</param>
    /// <param name="onLoopback">Whether only this machine can reach the endpoint.</param>
    public static bool NeedsToken(string method, PathString path, bool onLoopback)
    {
        var reads = HttpMethods.IsGet(method) || HttpMethods.IsHead(method);
        return !reads
            || path.StartsWithSegments("/v1")
            || !(onLoopback || IsForMonitors(path));
    }

    /// <summary>
    /// Whether the name that a request was addressed to can be ours. A page from elsewhere may point its own name at
    /// 127.0.0.1 and then read what this machine's browser can reach (DNS rebinding); it cannot choose what the browser
    /// calls the host.
    /// </summary>
    /// <param name="host">Of the Host header, without the port; empty if there is none.</param>
    /// <param name="name">This sentinel's name.</param>
    public static bool IsOurHost(string host, string name) =>
        host.Length == 0
        || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address))
        || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || host.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static bool IsForMonitors(PathString path) =>
        path.Equals("/healthz", StringComparison.OrdinalIgnoreCase)
        || path.Equals("/readyz", StringComparison.OrdinalIgnoreCase)
        || path.Equals("/metrics", StringComparison.OrdinalIgnoreCase);
}
