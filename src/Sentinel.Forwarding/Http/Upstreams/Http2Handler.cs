using System.Net;
using System.Net.Security;
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
            var socket = await terms.DialAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancellationToken);
            return await terms.SecureAsync(watch.Open(socket), context.DnsEndPoint.Host, SslApplicationProtocol.Http2, cancellationToken);
        },

        // Calls that a connection has no streams left for open another.
        EnableMultipleHttp2Connections = true,

        // A peer that vanished is found out while calls wait for it; TCP's own keepalive sees to the rest.
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        KeepAlivePingDelay = TimeSpan.FromSeconds(15),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(15),

        // Each client has its own, to each backend that its calls went to: kept for a pause between two calls, not for one between two visits.
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10),

        // A name may come to mean another address.
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),

        // An answer that its client abandoned is not read to the end to save the stream.
        MaxResponseDrainSize = 0,
    };
}
