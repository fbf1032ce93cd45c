using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// Proxies HTTP: Kestrel towards clients, YARP's direct forwarding towards backends, the pools between them. One for all
/// <c>http</c> and <c>https</c> listeners. Whatever a listener may set is read from the rules of each connection or request, so a reload
/// rebuilds nothing here.
/// </summary>
internal sealed class HttpEngine : IEngine
{
    private static readonly TimeSpan ReviewInterval = TimeSpan.FromSeconds(1);
    private static readonly int SocketRounds = (int)(DeadPeer.ReviewInterval / ReviewInterval);

    private readonly LoopRegistry _loops;
    private readonly TimeProvider _time;
    private readonly ICertificates? _certificates;
    private readonly ILogger _logger;
    private readonly QuietLogs _quiet;
    private readonly UpstreamTable _upstreams;
    private readonly RequestForwarder _requests;
    private readonly HttpPath _path;

    private readonly SocketLoops _sockets;
    private readonly RuleFiles _files = new();
    private readonly ConcurrentDictionary<HttpCarrier, byte> _carriers = new();
    private readonly ConcurrentDictionary<TimeSpan, InnerKestrel> _kestrels = new();
    private readonly SemaphoreSlim _starting = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _reviews;

    public HttpEngine(PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory logs, IOutageOutlook outlook, ICertificates? certificates)
    {
        (_loops, _time, _certificates, _logger, _quiet) = (loops, time, certificates, logs.CreateLogger<HttpEngine>(), new(logs));
        _sockets = new(loops, time, _logger);
        _upstreams = new(pools, time);
        _requests = new(_upstreams, outlook, _files, certificates, _quiet, _logger);
        _path = new(_requests, certificates, _quiet, _logger);
        _reviews = ReviewAsync();
    }

    public string Name => "yarp";

    public async ValueTask<Opening> OpenAsync(Gate gate, ListenerRules rules, ICarrier? current, CancellationToken cancellationToken)
    {
        if (await _files.ReadAsync(rules, cancellationToken) is { } error)
        {
            return Opening.Failed(error);
        }

        await KestrelAsync(rules.Settings.HeaderTimeout, cancellationToken);
        if (current is HttpCarrier carrier)
        {
            return Opening.Of(carrier);
        }

        carrier = new(gate, this, _logger);
        _carriers.TryAdd(carrier, 0);
        return Opening.Of(carrier);
    }

    /// <summary>Begins to accept.</summary>
    /// <param name="onLoops">Gets who comes where loops of ours wait for sockets.</param>
    /// <param name="otherwise">Gets who comes where .NET does, for want of loops.</param>
    public ImmutableArray<IAccepting> Accept(Socket listening, Gate gate, IArrivalSink onLoops, IAcceptSink otherwise)
    {
        var accepting = _sockets.Accept(listening, gate, onLoops);
        return accepting.IsEmpty ? [AcceptLoop.Start(listening, gate, otherwise, _loops, _logger)] : accepting;
    }

    /// <summary>Puts a client's socket on the loop that serves it.</summary>
    /// <param name="here">The loop that let it in.</param>
    /// <exception cref="SocketException">The system refuses.</exception>
    public LoopSocket Place(Descriptor socket, SocketLoop here) => _sockets.PlaceFor(here).Add(socket);

    /// <summary>Serves a connection to its end.</summary>
    public async Task ServeAsync(ClientConnection connection) =>
        await _path.ServeAsync(connection, await KestrelAsync(connection.Rules.Settings.HeaderTimeout, CancellationToken.None));

    /// <summary>Whether a client validates a name for which a challenge of ours is pending.</summary>
    public bool IsChallenge(ClientHello hello) => hello.IsAcmeChallenge && _certificates?.FindChallenge(hello.ServerName) is not null;

    /// <summary>A backend may be down: what was sent to it is ended where its listener wants that. Returns at once.</summary>
    public void ReviewUpstreams() => _upstreams.Review();

    /// <summary>A carrier has no connections left and gets no more.</summary>
    public void Forget(HttpCarrier carrier) => _carriers.TryRemove(carrier, out _);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reviews;
        foreach (var kestrel in _kestrels.Values)
        {
            await kestrel.DisposeAsync();
        }

        _upstreams.Dispose();
        _path.Dispose();
        _requests.Dispose();
        _sockets.Dispose();
        _starting.Dispose();
        _stop.Dispose();
    }

    // In practice one: listeners seldom differ in their header timeout. It stays when a reload leaves it without a
    // listener; a Kestrel without connections is a few KiB.
    private async ValueTask<InnerKestrel> KestrelAsync(TimeSpan headerTimeout, CancellationToken cancellationToken)
    {
        if (_kestrels.TryGetValue(headerTimeout, out var kestrel))
        {
            return kestrel;
        }

        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (!_kestrels.TryGetValue(headerTimeout, out kestrel))
            {
                kestrel = await InnerKestrel.StartAsync(headerTimeout, _requests, _quiet, cancellationToken);
                _kestrels[headerTimeout] = kestrel;
            }

            return kestrel;
        }
        finally
        {
            _starting.Release();
        }
    }

    private async Task ReviewAsync()
    {
        using var progress = _loops.Add("http.review");
        using var timer = new PeriodicTimer(ReviewInterval, _time);
        for (var round = 1; await NextAsync(timer); round++)
        {
            progress.Beat();
            try
            {
                var withSockets = round % SocketRounds == 0;
                _upstreams.Tend(withSockets);
                foreach (var carrier in _carriers.Keys)
                {
                    carrier.Review(withSockets);
                }
            }
            catch (Exception e)
            {
                // A bad round never ends the loop.
                Log.ReviewFailed(_logger, e);
            }
        }
    }

    private async ValueTask<bool> NextAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
