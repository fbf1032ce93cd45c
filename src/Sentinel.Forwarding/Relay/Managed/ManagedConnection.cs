using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Holding;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Routing;

namespace Sentinel.Forwarding.Relay.Managed;

/// <summary>
/// One connection from its admission to its end: finds a backend, waiting for one if it must, then relays. Whoever has a
/// reason to end it calls <see cref="End"/>; the first reason counts, and the rest follows from the sockets' closing.
/// </summary>
/// <param name="caller">Who it comes from, if that is known already.</param>
/// <param name="start">When it was admitted, a timestamp.</param>
internal sealed partial class ManagedConnection(
    ManagedCarrier carrier, ListenerRules rules, Socket client, Caller caller, long start)
{
    private const int NotEnded = -1;
    private const int Leaving = -2;
    private const int HasLeft = -3;

    private readonly TaskCompletionSource<KeptConnection?> _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenSource? _pause;
    private Destination _destination = rules.Destination;
    private int _end = NotEnded;
    private Backend? _backend;
    private bool _closesOnDown;
    private Task<int>? _clientReadable;
    private AwaitedWaiter? _waiter;
    private ManagedRelay? _relay;

    /// <summary>What it had in the process before; null: it has no backend yet.</summary>
    public KeptRelay? Kept { get; init; }

    private Gate Gate => rules.Gate;

    private PoolId Pool => _destination.Pool;

    private bool IsEnded => Volatile.Read(ref _end) != NotEnded;

    private bool IsLeaving => Volatile.Read(ref _end) == Leaving;

    /// <summary>Carries the connection to its end and reports it. Never throws.</summary>
    public async Task RunAsync()
    {
        // Stops whatever waits. Never disposed: it has no timer, and End may come from anywhere at any time.
        var pause = new CancellationTokenSource();
        Interlocked.Exchange(ref _pause, pause);
        if (IsEnded)
        {
            await pause.CancelAsync().ConfigureAwait(false);
        }

        try
        {
            await IntroduceAsync().ConfigureAwait(false);
            await GreetAsync().ConfigureAwait(false);
            if ((Resume() ?? await ConnectAsync().ConfigureAwait(false)) is { } upstream)
            {
                await RelayAsync(upstream).ConfigureAwait(false);
            }

            if (await LeaveAsync().ConfigureAwait(false))
            {
                return;
            }
        }
        catch (Exception e)
        {
            Log.ConnectionBroke(carrier.Logger, e, Gate.Name, caller.EndPoint);
            End(ConnectionEnd.Failed);
        }

        if (carrier.Answerer is { } answerer && _relay is null && (ConnectionEnd)_end is ConnectionEnd.NoBackend or ConnectionEnd.HoldFull or ConnectionEnd.HandshakeFailed)
        {
            // Nothing of it was consumed, and nobody reads from it any more.
            answerer.Answer(rules, caller, client, start);
            carrier.Forget(this);
            _left.TrySetResult(null);
            return;
        }

        await CloseAsync().ConfigureAwait(false);
        _left.TrySetResult(null);
    }

    /// <summary>Ends the connection now, unless it has ended.</summary>
    public void End(ConnectionEnd why)
    {
        var isFirst = Interlocked.CompareExchange(ref _end, (int)why, NotEnded) == NotEnded || Interlocked.CompareExchange(ref _end, (int)why, Leaving) == Leaving;
        if (isFirst && why != ConnectionEnd.Completed)
        {
            // first, or the flows would come to an end in good order
            _relay?.Cut();
            _pause?.Cancel();
            _waiter?.Leave(Gate.Room);
        }
    }

    /// <summary>Ends the connection if its backend was declared down and the rules say so.</summary>
    public void EndIfDown()
    {
        if (_relay is not null && _closesOnDown && Gate.IsDown(_backend!))
        {
            End(ConnectionEnd.BackendDown);
        }
    }

    /// <summary>What no read or write would notice. Called about once a second.</summary>
    public void Sweep(long now)
    {
        if (_relay is { } relay)
        {
            relay.Sweep(now);
        }
        else if (_waiter is not null && _clientReadable is { IsCompleted: true } && ManagedRelay.IsBroken(client))
        {
            // It has sent something, so its readability tells nothing any more.
            LeaveRoom();
        }
    }

    /// <summary>Finds out who the client is, where that is not plain.</summary>
    private async ValueTask IntroduceAsync()
    {
        if (!caller.IsUnknown || IsEnded)
        {
            return;
        }

        using var deadline = new CancellationTokenSource(rules.Settings.HeaderTimeout, Gate.Time);
        var draining = carrier.Answerer is null ? CancellationToken.None : carrier.Draining;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _pause!.Token, draining);
        try
        {
            if (await caller.IntroduceAsync(new SocketReceiver(client), either.Token).ConfigureAwait(false) is { } end)
            {
                End(end);
            }
        }
        catch (OperationCanceledException) when (IsLeaving)
        {
            // The next process reads it: none of it was taken.
        }
        catch (OperationCanceledException)
        {
            // Too late, unless something else has ended it.
            End(ConnectionEnd.BadPreface);
        }
    }

    /// <summary>Finds out where the client wants to go, where it is to say so. Who does not speak TLS is the answerer's.</summary>
    private async ValueTask GreetAsync()
    {
        if (carrier.Answerer is not { } answerer || Kept is not null || IsEnded)
        {
            return;
        }

        using var deadline = new CancellationTokenSource(rules.Settings.HeaderTimeout, Gate.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _pause!.Token, carrier.Draining);
        try
        {
            var (preface, hello) = await TlsPeek.ReadAsync(new SocketReceiver(client), Gate.Time, either.Token).ConfigureAwait(false);
            if (preface == TlsPreface.Hello && !answerer.Wants(hello))
            {
                _destination = rules.Routes.Match(hello.ServerName, "/");
            }
            else
            {
                End(preface == TlsPreface.Undecided ? ConnectionEnd.Completed : ConnectionEnd.HandshakeFailed);
            }
        }
        catch (OperationCanceledException) when (IsLeaving)
        {
            // The next process looks again: nothing of it was taken.
        }
        catch (OperationCanceledException)
        {
            End(deadline.IsCancellationRequested ? ConnectionEnd.Idle : ConnectionEnd.Completed);
        }
        catch (SocketException)
        {
            End(ConnectionEnd.ClientReset);
        }
    }

    private async Task<Socket?> ConnectAsync()
    {
        var attempts = new Attempts();
        while (!IsEnded)
        {
            var backend = attempts.Next(Gate, Pool, caller.Client);
            if (backend is null)
            {
                backend = await HoldAsync(attempts.Exhausted).ConfigureAwait(false);
                if (backend is null)
                {
                    return null;
                }

                attempts.StartAfresh();
            }

            var dialled = Gate.Time.GetTimestamp();
            _backend = backend;
            backend.Load.Enter();
            try
            {
                var (socket, outcome) = await carrier.Dialler.DialAsync(
                    backend.Address!, _destination.Port, rules.Settings.ConnectTimeout, _pause!.Token,
                    rules.Settings.Transparent ? caller.EndPoint.Address : null).ConfigureAwait(false);
                Gate.Dialled(Pool, outcome, dialled);
                if (socket is not null && !Gate.IsDown(backend))
                {
                    if (await AnnounceAsync(socket).ConfigureAwait(false))
                    {
                        return socket;
                    }

                    outcome = DialOutcome.Refused;
                }

                // Also if it was declared down meanwhile: no byte was sent, so that another may serve.
                socket?.Dispose();
                LetGo();
                attempts.Failed(Gate, backend, outcome);
            }
            catch (OperationCanceledException) when (IsEnded)
            {
                LetGo();
            }
        }

        return null;
    }

    /// <summary>Tells a backend who comes, before anything else is sent to it.</summary>
    /// <returns>False if it broke the connection before it took a byte.</returns>
    private async ValueTask<bool> AnnounceAsync(Socket upstream)
    {
        if (rules.Settings.ProxyProtocol == ProxyProtocol.None)
        {
            return true;
        }

        try
        {
            var header = new byte[ProxyHeader.MaxWritten];
            var length = caller.Header.Write(rules.Settings.ProxyProtocol, header);

            // One call: a socket that has just connected takes a header at once.
            await upstream.SendAsync(header.AsMemory(0, length)).ConfigureAwait(false);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task<Backend?> HoldAsync(Pool? exhausted)
    {
        var waiter = new AwaitedWaiter(Pool, caller.Client, start, rules.Settings.Hold);
        switch (Gate.Room.Enter(waiter, exhausted))
        {
            case Entry.Full:
                End(ConnectionEnd.HoldFull);
                return null;
            case Entry.TooLate:
                End(ConnectionEnd.NoBackend);
                return null;
        }

        // A full fence: either End sees the waiter, or we see the end.
        Interlocked.Exchange(ref _waiter, waiter);
        if (IsEnded)
        {
            waiter.Leave(Gate.Room);
        }

        _ = WatchClientAsync();
        var backend = await waiter.Outcome.ConfigureAwait(false);
        _waiter = null;
        if (backend is null && !IsLeaving)
        {
            End(ConnectionEnd.NoBackend);
        }

        return backend;
    }

    /// <summary>
    /// Notices a client that leaves while it waits. One that sent something and closed its half may be waiting for the
    /// answer; one that sent nothing and closed has left.
    /// </summary>
    private async Task WatchClientAsync()
    {
        try
        {
            _clientReadable ??= client.ReceiveAsync(Memory<byte>.Empty, _pause!.Token).AsTask();
            await _clientReadable.ConfigureAwait(false);
            if (client.Available > 0)
            {
                return;
            }
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // reset, or ended meanwhile
        }

        LeaveRoom();
    }

    private void LeaveRoom()
    {
        // Only while it waits is nobody else reading from the client, so that "nothing to read" means the end.
        if (_waiter is { } waiter && Gate.Room.Leave(waiter))
        {
            End(ConnectionEnd.ClientLeft);
            waiter.Expired();
        }
    }

    private async Task RelayAsync(Socket upstream)
    {
        var relay = new ManagedRelay(this, rules, client, upstream, _clientReadable, Kept, _pause!.Token);
        _closesOnDown = Kept?.ClosesOnDown ?? Gate.ClosesOnDown(rules, Pool);

        // A full fence, as above: whoever looks for connections to end sees this one, or we see his reason.
        Interlocked.Exchange(ref _relay, relay);
        EndIfDown();
        if (IsEnded && !IsLeaving)
        {
            relay.Cut();
        }

        await relay.RunAsync().ConfigureAwait(false);
        if (relay.IsOver || !IsLeaving)
        {
            End(ConnectionEnd.Completed);
        }
    }

    private void LetGo()
    {
        _backend!.Load.Exit();
        _backend = null;
    }

    private async ValueTask CloseAsync()
    {
        var relay = _relay;
        relay?.Close();
        if (relay is null)
        {
            await HangUpAsync().ConfigureAwait(false);
        }

        _backend?.Load.Exit();

        Gate.Ended(rules, new()
        {
            Client = caller.Counted,
            EndPoint = caller.EndPoint,
            Start = start,
            End = (ConnectionEnd)_end,
            Backend = _backend?.Id,
            ToBackend = relay?.ToBackend ?? 0,
            ToClient = relay?.ToClient ?? 0,
        });
        carrier.Forget(this);
    }

    /// <summary>Closes the client's side in order, which .NET does not while a read is under way: it would send a reset.</summary>
    private async ValueTask HangUpAsync()
    {
        try
        {
            client.Shutdown(SocketShutdown.Both);
            if (_clientReadable is { } reading)
            {
                await reading.ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The client was faster, or the read was cancelled.
        }

        client.Dispose();
    }
}
