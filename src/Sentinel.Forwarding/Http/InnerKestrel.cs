using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Sentinel.Forwarding.Http.HandOver;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// A Kestrel that listens nowhere and serves the sockets it is handed, for all listeners that share a header
/// timeout: that limit is Kestrel's for a whole server, every other one that a listener may set is kept per connection or request.
/// </summary>
internal sealed class InnerKestrel : IAsyncDisposable
{
    /// <summary>
    /// How long a client may be silent between two requests: it costs a few KiB. Longer than the 60–75 s after which common load balancers and
    /// browsers close, so that they close first and no request meets a connection that is just being closed.
    /// </summary>
    public static readonly TimeSpan LongestIdle = TimeSpan.FromMinutes(2);

    private readonly HandOverTransport _transport = new();
    private readonly ConcurrentDictionary<string, ClientConnection> _served = new();
    private readonly KestrelServer _server;

    private InnerKestrel(TimeSpan headerTimeout, ILoggerFactory logs) =>
        _server = new(Options.Create(Configure(headerTimeout)), _transport, new KestrelLogs(logs, late => _served.GetValueOrDefault(late)?.Note(ConnectionEnd.Idle)));

    public static async Task<InnerKestrel> StartAsync(
        TimeSpan headerTimeout, RequestForwarder requests, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        var kestrel = new InnerKestrel(headerTimeout, logs);
        await kestrel._server.StartAsync(new RequestApplication(requests.HandleAsync), cancellationToken);
        return kestrel;
    }

    /// <summary>Serves a connection's HTTP, and returns when that is over.</summary>
    public async Task ServeAsync(LentContext context, HandOverEndPoint place)
    {
        _served[context.ConnectionId] = context.Features.GetRequiredFeature<ClientConnection>();
        if (_transport[place].HandOver(context))
        {
            await context.WhenReturnedAsync();
        }
        else
        {
            context.Abort(new("The server has stopped."));
        }

        _served.TryRemove(context.ConnectionId, out _);
    }

    public async ValueTask DisposeAsync()
    {
        // Carriers drain before the engine goes: nothing is left that would be worth waiting for.
        await _server.StopAsync(new CancellationToken(canceled: true));
        _server.Dispose();
    }

    private static KestrelServerOptions Configure(TimeSpan headerTimeout)
    {
        // A line ends with CRLF and nothing else: whoever takes LF alone for an end may cut a request at another place than who stands before
        // or behind him. Kestrel has no option for it but this, which it reads when a server begins.
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", isEnabled: true);
        var options = new KestrelServerOptions
        {
            // The backend says what it is; the sentinel is not seen.
            AddServerHeader = false,

            // A thread that blocks on a slow client is a thread less for all.
            AllowSynchronousIO = false,

            // Of an absolute request target and a Host that contradict each other, the target counts (RFC 9112 §3.2.2).
            AllowHostHeaderOverride = true,

            // Over HTTP/2, a proxy in front may name the scheme that its own client asked by. Backends are told the connection's.
            AllowAlternateSchemes = true,

            // Header values pass as the bytes they are, also those that are not UTF-8; lengths only if nobody could read them otherwise.
            RequestHeaderEncodingSelector = static name =>
                name.Equals(HeaderNames.ContentLength, StringComparison.OrdinalIgnoreCase) ? DigitsEncoding.Instance
                : name.Equals(HeaderNames.Connection, StringComparison.OrdinalIgnoreCase) ? ConnectionEncoding.Instance
                : Encoding.Latin1,
            ResponseHeaderEncodingSelector = static _ => Encoding.Latin1,
        };

        var limits = options.Limits;
        limits.RequestHeadersTimeout = headerTimeout;

        limits.KeepAliveTimeout = LongestIdle;

        // A front must not be narrower than what stands behind it: twice what nginx and Apache take, and still small
        // enough that maxConnections clients cannot fill the memory with header alone.
        limits.MaxRequestLineSize = 16 * 1024;
        limits.MaxRequestHeadersTotalSize = 64 * 1024;
        limits.MaxRequestHeaderCount = 200;

        // Set for each request from its listener's maxRequestBody.
        limits.MaxRequestBodySize = null;

        // A slow client must work: a phone on a train is not an attack. Those who dawdle on purpose are bounded by
        // maxConnections, maxConnectionsPerClient and idleTimeout, and cost a buffer each.
        limits.MinRequestBodyDataRate = null;
        limits.MinResponseDataRate = null;

        // The gates count connections, by listener.
        limits.MaxConcurrentConnections = null;
        limits.MaxConcurrentUpgradedConnections = null;

        // As between the socket and Kestrel: see HttpPath.
        limits.MaxRequestBufferSize = 256 * 1024;
        limits.MaxResponseBufferSize = 64 * 1024;

        // A browser opens about 100 at most; each stream is a request to a backend.
        limits.Http2.MaxStreamsPerConnection = 128;

        // One field, packed or not: half of what all may have together.
        limits.Http2.MaxRequestHeaderFieldSize = 32 * 1024;

        // What a client may have sent that its backend has not taken yet, per stream and per connection: with the
        // defaults a hundred uploads on one connection would hold no more, and one alone is as fast as over HTTP/1.1.
        limits.Http2.InitialStreamWindowSize = 256 * 1024;
        limits.Http2.InitialConnectionWindowSize = 512 * 1024;

        Listen(options, HandOverEndPoint.Http1, HttpProtocols.Http1);
        Listen(options, HandOverEndPoint.Http2, HttpProtocols.Http2);
        return options;
    }

    private static void Listen(KestrelServerOptions options, HandOverEndPoint endPoint, HttpProtocols protocols) =>
        options.Listen(endPoint, listen =>
        {
            listen.Protocols = protocols;
            listen.Use(next => context =>
            {
                context.Features.Get<ClientConnection>()!.Served(context.Features.GetRequiredFeature<IConnectionLifetimeNotificationFeature>().RequestClose);
                return next(context);
            });
        });

    /// <summary>Takes requests from Kestrel without a web host around it.</summary>
    private sealed class RequestApplication(RequestDelegate requests) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures)
        {
            // One for all requests of a connection, or of a stream that is used again.
            if (contextFeatures is not IHostContextContainer<HttpContext> container)
            {
                return new DefaultHttpContext(contextFeatures);
            }

            if (container.HostContext is DefaultHttpContext used)
            {
                used.Initialize(contextFeatures);
                return used;
            }

            return container.HostContext = new DefaultHttpContext(contextFeatures);
        }

        public Task ProcessRequestAsync(HttpContext context) => requests(context);

        public void DisposeContext(HttpContext context, Exception? exception) => ((DefaultHttpContext)context).Uninitialize();
    }
}
