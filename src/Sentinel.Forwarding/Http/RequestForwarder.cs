using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;
using Sentinel.Backends;
using Sentinel.Forwarding.Http.Answers;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;
using Yarp.ReverseProxy.Forwarder;

namespace Sentinel.Forwarding.Http;

/// <summary>Where Kestrel's requests go: see <see cref="Exchange"/> for the way of one. Thread-safe.</summary>
internal sealed class RequestForwarder : IDisposable
{
    // YARP cuts an exchange that moved nothing for its activity timeout, 100 s unless told otherwise: WebSockets, server-
    // sent events and slow reports would end for no reason. The listener's idleTimeout decides, on the connection.
    private static readonly ForwarderRequestConfig Http1 = new()
    {
        Version = HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        ActivityTimeout = Timeout.InfiniteTimeSpan,
    };

    // gRPC needs HTTP/2 end to end for its trailers, and a gRPC server in cleartext speaks it with prior knowledge.
    private static readonly ForwarderRequestConfig Http2 = Http1 with { Version = HttpVersion.Version20 };

    // Whoever answers: what a backend says of it stays.
    private static readonly Func<object, Task> TellHsts = static state =>
    {
        var context = (HttpContext)state;
        context.Response.Headers.TryAdd(HeaderNames.StrictTransportSecurity, context.Features.GetRequiredFeature<ClientConnection>().RulesNow.Hsts);
        return Task.CompletedTask;
    };

    private readonly IOutageOutlook _outlook;
    private readonly RuleFiles _files;
    private readonly ServiceProvider _services;
    private readonly IHttpForwarder _yarp;

    public RequestForwarder(UpstreamTable upstreams, IOutageOutlook outlook, RuleFiles files, ICertificates? certificates, ILoggerFactory quiet, ILogger logger)
    {
        (Upstreams, Logger, Certificates, _outlook, _files) = (upstreams, logger, certificates, outlook, files);

        // YARP's forwarder can only be had from a container; it is all that is in this one.
        _services = new ServiceCollection().AddSingleton(quiet).AddLogging().AddHttpForwarder().BuildServiceProvider();
        _yarp = _services.GetRequiredService<IHttpForwarder>();
    }

    public UpstreamTable Upstreams { get; }

    public ILogger Logger { get; }

    /// <summary>Who answers challenges; null: nobody.</summary>
    public ICertificates? Certificates { get; }

    public async Task HandleAsync(HttpContext context)
    {
        var connection = context.Features.GetRequiredFeature<ClientConnection>();
        if (connection.RulesNow.Hsts is not null)
        {
            context.Response.OnStarting(TellHsts, context);
        }

        var end = ConnectionEnd.Failed;
        connection.RequestBegan();
        try
        {
            end = await ForwardAsync(context, connection);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            end = ConnectionEnd.ClientLeft;
        }
        catch (Exception e)
        {
            // A fault in one request is that request's.
            Log.RequestBroke(Logger, e, connection.Gate.Name);
            if (context.Response.HasStarted)
            {
                context.Abort();
            }
            else
            {
                await AnswerWriter.WriteAsync(context, Refusals.Fault);
            }
        }
        finally
        {
            connection.RequestEnded(end);
        }

        if (connection.MaySendOn && HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            await Farewell.HearOutAsync(context, connection);
        }
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<ConnectionEnd> ForwardAsync(HttpContext context, ClientConnection connection)
    {
        // It belongs to this request, or to none.
        var unfinished = connection.TakeUnfinished();
        if (!AbsoluteTarget.TryResolve(context))
        {
            // Refused, and nothing behind it is read.
            connection.RequestClose();
            await AnswerWriter.WriteAsync(context, Refusals.For(StatusCodes.Status400BadRequest));
            return ConnectionEnd.Completed;
        }

        if (!connection.Crowd.TryEnter(connection.Gate.Rules.Settings.MaxConnections))
        {
            await AnswerWriter.WriteAsync(context, Refusals.Busy);
            return ConnectionEnd.Completed;
        }

        try
        {
            return await new Exchange(this, context, connection, unfinished).RunAsync();
        }
        finally
        {
            connection.Crowd.Exit();
        }
    }

    /// <summary>Sends a request on and brings the answer back, or says why there is none; the response has not started then, or was aborted.</summary>
    public ValueTask<ForwarderError> ForwardAsync(HttpContext context, string prefix, Upstream upstream, CancellationToken down) =>
        _yarp.SendAsync(
            context, prefix, upstream.Invoker, Acceptable.IsGrpc(context.Request.ContentType) ? Http2 : Http1, RequestTransformer.Instance, down);

    /// <summary>What to tell somebody whom nobody can serve.</summary>
    public Answer Outage(string method, Gate gate, ListenerRules rules, PoolId pool)
    {
        var now = gate.Time.GetUtcNow();
        var outlook = PoolOutlook.Of(gate.Pools.Current.Pools.GetValueOrDefault(pool), _outlook, now);
        return OutageAnswer.For(method, outlook, _files.PageOf(rules)?.Html, now);
    }

    /// <summary>How backends are spoken to under these rules; null: in clear.</summary>
    public UpstreamTls? TlsOf(ListenerRules rules) => _files.TlsOf(rules);

    public void Dispose() => _services.Dispose();
}
