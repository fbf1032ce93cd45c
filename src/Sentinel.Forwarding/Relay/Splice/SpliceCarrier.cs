using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>The connections of one listener, spread over the engine's loops.</summary>
internal sealed class SpliceCarrier : ICarrier
{
    private readonly SpliceLoop[] _loops;
    private readonly CarrierShare[] _shares;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _isDraining;

    // one for each connection, and one for each loop that may still accept
    private int _inside;

    public SpliceCarrier(Gate gate, SpliceLoop[] loops)
    {
        (Gate, _loops, _inside) = (gate, loops, loops.Length);
        _shares = [.. loops.Select(_ => new CarrierShare(this))];
        for (var i = 0; i < loops.Length; i++)
        {
            loops[i].Join(_shares[i]);
        }
    }

    public Gate Gate { get; }

    public void Accept(Socket listening)
    {
        // .NET makes a socket non-blocking when it first needs it to be; a loop must never wait in accept
        var original = (int)listening.Handle;
        _ = Libc.Fcntl(original, Libc.FcntlSetFlags, Libc.Fcntl(original, Libc.FcntlGetFlags, 0) | Libc.NonBlock);
        var duplicates = new int[_loops.Length];
        for (var i = 0; i < _loops.Length; i++)
        {
            // now, while the caller's socket is sure to be open
            duplicates[i] = Libc.Fcntl(original, Libc.FcntlDuplicate, 0);
        }

        for (var i = 0; i < _loops.Length; i++)
        {
            _loops[i].OpenEntrance(_shares[i], listening, duplicates[i]);
        }
    }

    public void StopAccepting(Socket listening)
    {
        for (var i = 0; i < _loops.Length; i++)
        {
            _loops[i].CloseEntrance(_shares[i], listening);
        }
    }

    public void CloseDown()
    {
        for (var i = 0; i < _loops.Length; i++)
        {
            _loops[i].CloseDown(_shares[i]);
        }
    }

    public async Task DrainAsync(CancellationToken now)
    {
        if (Interlocked.Exchange(ref _isDraining, 1) == 0)
        {
            for (var i = 0; i < _loops.Length; i++)
            {
                _loops[i].Leave(_shares[i]);
            }
        }

        using var stop = now.UnsafeRegister(_ => EndAll(), null);
        await _drained.Task.ConfigureAwait(false);
    }

    /// <summary>A connection came in. On its loop.</summary>
    internal void Enter() => Interlocked.Increment(ref _inside);

    /// <summary>A connection has ended and was reported, or a loop accepts no more.</summary>
    internal void Exit()
    {
        if (Interlocked.Decrement(ref _inside) == 0)
        {
            _drained.TrySetResult();
        }
    }

    private void EndAll()
    {
        for (var i = 0; i < _loops.Length; i++)
        {
            _loops[i].EndAll(_shares[i]);
        }
    }
}
