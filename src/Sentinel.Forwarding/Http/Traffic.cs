using Sentinel.Forwarding.Http.Transports;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Http;

/// <summary>What one client connection has moved, and when it last moved anything. Thread-safe.</summary>
/// <param name="gate">Told of it now and then.</param>
/// <param name="clientBroke">Called if the client's side breaks.</param>
internal sealed class Traffic(Gate gate, Action clientBroke) : IByteCount
{
    private readonly Lock _lock = new();
    private long _fromClient;
    private long _toClient;
    private long _toldFromClient;
    private long _toldToClient;
    private long _lastMoved = gate.Time.GetTimestamp();

    /// <summary>Bytes.</summary>
    public long TotalFromClient => Interlocked.Read(ref _fromClient);

    /// <summary>Bytes.</summary>
    public long TotalToClient => Interlocked.Read(ref _toClient);

    public void FromClient(long bytes)
    {
        Interlocked.Add(ref _fromClient, bytes);
        Touch();
    }

    public void ToClient(long bytes)
    {
        Interlocked.Add(ref _toClient, bytes);
        Touch();
    }

    public void ClientBroke() => clientBroke();

    /// <summary>Something happened that is as good as moving.</summary>
    /// <returns>When: a timestamp of the gate's clock.</returns>
    public long Touch()
    {
        var now = gate.Time.GetTimestamp();
        Volatile.Write(ref _lastMoved, now);
        return now;
    }

    public bool IsIdleFor(TimeSpan time) => gate.Time.GetElapsedTime(Volatile.Read(ref _lastMoved)) >= time;

    /// <summary>Tells the gate what moved since the last call.</summary>
    public void Tell()
    {
        lock (_lock)
        {
            var (from, to) = (TotalFromClient, TotalToClient);
            if (from != _toldFromClient || to != _toldToClient)
            {
                gate.Relayed(from - _toldFromClient, to - _toldToClient);
                (_toldFromClient, _toldToClient) = (from, to);
            }
        }
    }
}
