using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Managed;

/// <summary>Both directions of one connection, from the moment its backend is reached.</summary>
internal sealed class ManagedRelay
{
    private readonly ManagedConnection _owner;
    private readonly ListenerRules _rules;
    private readonly Socket _client;
    private readonly Socket _backend;
    private readonly Task<int>? _clientReadable;
    private readonly ManagedFlow _up;
    private readonly ManagedFlow _down;
    private readonly Lock _reporting = new();
    private long _reportedUp;
    private long _reportedDown;
    private long _reviewed;

    /// <param name="clientReadable">A wait for the client's first byte that is under way already.</param>
    /// <param name="kept">What went through in the process before; null: it is new.</param>
    /// <param name="pause">Stops it, wherever it stands.</param>
    public ManagedRelay(ManagedConnection owner, ListenerRules rules, Socket client, Socket backend, Task<int>? clientReadable, KeptRelay? kept, CancellationToken pause)
    {
        (_owner, _rules, _client, _backend, _clientReadable) = (owner, rules, client, backend, clientReadable);
        var time = rules.Gate.Time;
        _up = new(client, backend, ConnectionEnd.ClientReset, ConnectionEnd.BackendReset, time, kept?.ToBackend ?? KeptFlow.Fresh, pause);
        _down = new(backend, client, ConnectionEnd.BackendReset, ConnectionEnd.ClientReset, time, kept?.ToClient ?? KeptFlow.Fresh, pause);
        ManagedFlow.Pair(_up, _down);
        (_reportedUp, _reportedDown) = (_up.Bytes, _down.Bytes);
        _reviewed = time.GetTimestamp();
    }

    public long ToBackend => _up.Bytes;

    public long ToClient => _down.Bytes;

    /// <summary>Whether an error waits on a socket that nobody reads at present. Asking takes it away.</summary>
    public static bool IsBroken(Socket socket)
    {
        try
        {
            return (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)! != 0;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    /// <summary>Copies both ways until both have ended, or paused.</summary>
    public Task RunAsync() => Task.WhenAll(CarryAsync(_up, _clientReadable), CarryAsync(_down, null));

    /// <summary>Whether both directions have ended.</summary>
    public bool IsOver => _up.IsOver && _down.IsOver;

    /// <summary>What another process needs to go on with it. Only once <see cref="RunAsync"/> has completed; its sockets stay open here.</summary>
    /// <exception cref="SocketException">The process is out of descriptors.</exception>
    public KeptRelay Keep(BackendId backend, bool closesOnDown) => new()
    {
        Backend = backend,
        ClosesOnDown = closesOnDown,
        BackendSocket = Descriptor.DuplicateOf(_backend.SafeHandle),
        ToBackend = _up.Keep(),
        ToClient = _down.Keep(),
    };

    /// <summary>Breaks both connections off with a reset: an orderly end would pass for a complete stream.</summary>
    public void Cut()
    {
        Reset(_client);
        Reset(_backend);
    }

    /// <summary>Closes the sockets of both sides, who have finished or were told, and reports the last bytes.</summary>
    public void Close()
    {
        _client.Dispose();
        _backend.Dispose();
        Report();
    }

    /// <summary>What no read or write would notice: idleness, and a reset on a side that has finished sending and is no longer read.</summary>
    public void Sweep(long now)
    {
        var time = _rules.Gate.Time;
        var idle = _rules.Settings.IdleTimeout;
        if (idle > TimeSpan.Zero && time.GetElapsedTime(Math.Max(_up.LastMove, _down.LastMove), now) >= idle)
        {
            _owner.End(ConnectionEnd.Idle);
        }
        else if (_up.IsOver && IsBroken(_client))
        {
            _owner.End(ConnectionEnd.ClientReset);
        }
        else if (_down.IsOver && IsBroken(_backend))
        {
            _owner.End(ConnectionEnd.BackendReset);
        }

        Report();
        if (time.GetElapsedTime(_reviewed, now) >= DeadPeer.ReviewInterval)
        {
            _reviewed = now;
            Review();
        }
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Not every system allows it on a broken socket, which needs no reset anyway.
        }

        socket.Dispose();
    }

    private async Task CarryAsync(ManagedFlow flow, Task<int>? readable)
    {
        if (await flow.RunAsync(readable).ConfigureAwait(false) is { } broke)
        {
            _owner.End(broke);
        }
    }

    private void Review()
    {
        try
        {
            _up.Review();
            _down.Review();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Broken: the flow that uses the socket finds out too.
        }
    }

    private void Report()
    {
        lock (_reporting)
        {
            var (up, down) = (_up.Bytes, _down.Bytes);
            _rules.Gate.Relayed(up - _reportedUp, down - _reportedDown);
            (_reportedUp, _reportedDown) = (up, down);
        }
    }
}
