using System.Net;
using System.Text;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>HTTP/2 towards one backend, for gRPC: the handler of .NET, set up as a proxy needs it.</summary>
internal static class Http2Handler
{
    public static SocketsHttpHandler Create(SocketWatch watch) => new()
    {
        // A proxy passes on what it gets: nothing is followed, unpacked, remembered or traced on the client's behalf.
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = null,

        // Header values pass as the bytes they are.
        RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,

        // KiB, as on the client's side.
        MaxResponseHeadersLength = 64,

        // The timeout of an attempt is its listener's.
        ConnectTimeout = Timeout.InfiniteTimeSpan,
        ConnectCallback = async (context, cancellationToken) =>
        {
            var terms = DialTerms.Of(context.InitialRequestMessage);
            return watch.Open(await terms.DialAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancellationToken));
        },

        // Calls that a connection has no streams left for open another.
        EnableMultipleHttp2Connections = true,

        // A peer that vanished is found out while calls wait for it; TCP's own keepalive sees to the rest.
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        KeepAlivePingDelay = TimeSpan.FromSeconds(15),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(15),

        // One connection serves all calls, so it is kept longer than those of HTTP/1.1; a name may come to mean another address.
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),

        // An answer that its client abandoned is not read to the end to save the stream.
        MaxResponseDrainSize = 0,
    };
}
