using System.Net.Sockets;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>The connections of one listener, spread over the engine's loops.</summary>
internal sealed class SpliceCarrier : IRelayCarrier
{
    private readonly SpliceLoop[] _loops;
    private readonly CarrierShare[] _shares;
    private readonly Lock _lock = new();
    private readonly Dictionary<Socket, Entrance[]> _entrances = [];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isDraining;
    private int _spread;

    // one for each connection, and one for each loop while more may come in
    private int _inside;

    public SpliceCarrier(Gate gate, SpliceLoop[] loops)
    {
        (Gate, _loops, _inside) = (gate, loops, loops.Length);
        _shares = [.. loops.Select(_ => new CarrierShare(this))];
        ForEachLoop((loop, share) => loop.Join(share));
    }

    public Gate Gate { get; }

    public IAnswerer? Answerer { get; set; }

    public void Accept(Socket listening)
    {
        lock (_lock)
        {
            var entrances = new List<Entrance>();
            if (!_isDraining)
            {
                ForEachLoop((loop, share) => entrances.Add(loop.Open(share, listening)));
            }

            _entrances[listening] = [.. entrances];
        }
    }

    public void StopAccepting(Socket listening)
    {
        lock (_lock)
        {
            if (_entrances.Remove(listening, out var entrances))
            {
                CloseAll(entrances);
            }
        }
    }

    public void CloseDown() => ForEachLoop((loop, share) => loop.CloseDown(share));

    public async Task DrainAsync(CancellationToken now)
    {
        lock (_lock)
        {
            if (!_isDraining)
            {
                _isDraining = true;
                CloseEntrances();
                ForEachLoop((loop, share) => loop.Leave(share));
            }
        }

        await using (now.UnsafeRegister(_ => ForEachLoop((loop, share) => loop.EndAll(share)), null).ConfigureAwait(false))
        {
            await _drained.Task.ConfigureAwait(false);
        }
    }

    public async Task<IReadOnlyList<KeptConnection>> TakeOutAsync()
    {
        lock (_lock)
        {
            CloseEntrances();
        }

        var taken = await Task.WhenAll(_loops.Zip(_shares, (loop, share) => loop.TakeOutAsync(share))).ConfigureAwait(false);
        return [.. taken.SelectMany(connections => connections)];
    }

    public void Resume(KeptConnection connection, ListenerRules rules)
    {
        var next = (int)((uint)Interlocked.Increment(ref _spread) % (uint)_loops.Length);
        _loops[next].Resume(_shares[next], connection, rules);
    }

    /// <summary>A connection came in. On its loop.</summary>
    internal void Enter() => Interlocked.Increment(ref _inside);

    /// <summary>A connection has ended and was reported, or a loop lets nobody in any more.</summary>
    internal void Exit()
    {
        if (Interlocked.Decrement(ref _inside) == 0)
        {
            _drained.TrySetResult();
        }
    }

    private void CloseEntrances()
    {
        foreach (var entrances in _entrances.Values)
        {
            CloseAll(entrances);
        }

        _entrances.Clear();
    }

    private static void CloseAll(Entrance[] entrances)
    {
        foreach (var entrance in entrances)
        {
            entrance.Close();
        }
    }

    private void ForEachLoop(Action<SpliceLoop, CarrierShare> act)
    {
        for (var i = 0; i < _loops.Length; i++)
        {
            act(_loops[i], _shares[i]);
        }
    }
}
