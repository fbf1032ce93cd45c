using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Relay.Managed;

/// <summary>The connections of one listener.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "It has no timer, and connections may ask for it at any time.")]
internal sealed class ManagedCarrier(Gate gate, Dialler dialler, LoopRegistry loops, ILogger logger, Action<ManagedCarrier> drained)
    : IRelayCarrier, IAcceptSink
{
    // For the last connection to stop. A machine that is busy needs some of it; the others stand still meanwhile.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<Socket, AcceptLoop> _accepting = [];
    private readonly ConcurrentDictionary<ManagedConnection, bool> _connections = [];
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private Task _lastAccepts = Task.CompletedTask;
    private int _closingDown;
    private readonly CancellationTokenSource _draining = new();

    public Dialler Dialler => dialler;

    public ILogger Logger => logger;

    public IAnswerer? Answerer { get; set; }

    /// <summary>Cancelled when the carrier drains: who has not said yet where to is not waited for.</summary>
    public CancellationToken Draining => _draining.Token;

    public void Accept(Socket listening) => _accepting[listening] = AcceptLoop.Start(listening, gate, this, loops, logger);

    public void StopAccepting(Socket listening)
    {
        if (_accepting.TryRemove(listening, out var loop))
        {
            loop.Dispose();
            lock (_lock)
            {
                _lastAccepts = Task.WhenAll(_lastAccepts, loop.Completion);
            }
        }
    }

    public void Take(Socket socket, IPEndPoint endPoint, ClientAddress client, ListenerRules rules, bool isProxy) =>
        Begin(new(this, rules, socket, new(rules, socket, endPoint, client, isProxy), gate.Time.GetTimestamp()));

    public void Resume(KeptConnection connection, ListenerRules rules)
    {
        var socket = new Socket(new SafeSocketHandle(connection.ClientSocket.Release(), ownsHandle: true));
        var caller = new Caller(rules, socket, connection.Client, ClientAddress.Of(connection.Client.Address), connection.IsUnknown, connection.Reached);
        Begin(new(this, rules, socket, caller, connection.StartOn(gate.Time)) { Kept = connection.Relay });
    }

    public async Task<IReadOnlyList<KeptConnection>> TakeOutAsync()
    {
        await StopAcceptingAsync().ConfigureAwait(false);
        using var patience = new CancellationTokenSource(Patience, gate.Time);
        var taken = await Task.WhenAll(_connections.Keys.Select(connection => connection.TakeOutAsync(patience.Token))).ConfigureAwait(false);
        return [.. taken.OfType<KeptConnection>()];
    }

    /// <summary>A connection is over and reported.</summary>
    public void Forget(ManagedConnection connection)
    {
        _connections.TryRemove(connection, out _);
        if (_draining.IsCancellationRequested && _connections.IsEmpty)
        {
            _empty.TrySetResult();
        }
    }

    public void CloseDown()
    {
        // One walk for a burst of news: set back before the walk, so that news that comes during it starts another.
        if (Interlocked.Exchange(ref _closingDown, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static carrier =>
                {
                    Interlocked.Exchange(ref carrier._closingDown, 0);
                    foreach (var (connection, _) in carrier._connections)
                    {
                        connection.EndIfDown();
                    }
                },
                this,
                preferLocal: false);
        }
    }

    public void Sweep(long now)
    {
        foreach (var (connection, _) in _connections)
        {
            connection.Sweep(now);
        }
    }

    public async Task DrainAsync(CancellationToken now)
    {
        await StopAcceptingAsync().ConfigureAwait(false);
        await _draining.CancelAsync().ConfigureAwait(false);
        await using (now.UnsafeRegister(_ => Stop(), null).ConfigureAwait(false))
        {
            if (!_connections.IsEmpty)
            {
                await _empty.Task.ConfigureAwait(false);
            }
        }

        drained(this);
    }

    private void Begin(ManagedConnection connection)
    {
        _connections[connection] = true;
        _ = connection.RunAsync();
    }

    private Task StopAcceptingAsync()
    {
        foreach (var listening in _accepting.Keys)
        {
            StopAccepting(listening);
        }

        // Whoever was being accepted is in before anybody is counted.
        return _lastAccepts;
    }

    private void Stop()
    {
        foreach (var (connection, _) in _connections)
        {
            connection.End(ConnectionEnd.Stopped);
        }
    }
}
