using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Listeners;

/// <summary>A listener, or an older carrier of one, that accepts no more and finishes what it has.</summary>
internal sealed class Departure : IDisposable
{
    private readonly CancellationTokenSource _now;
    private bool _isLimited;

    /// <summary>Begins to drain, without a limit: the connections of a listener that is still there may go on as long as they like.</summary>
    public Departure(Listener listener, TimeProvider time)
    {
        Listener = listener;
        _now = new(Timeout.InfiniteTimeSpan, time);
        Completion = listener.Carrier.DrainAsync(_now.Token);
    }

    public Listener Listener { get; }

    public ICarrier Carrier => Listener.Carrier;

    /// <summary>When no connection is left.</summary>
    public Task Completion { get; }

    /// <summary>The listener has gone: what is not over within its drain time from now is ended. Under the forwarder's lock; once is enough.</summary>
    public void Limit()
    {
        if (!_isLimited)
        {
            _isLimited = true;
            _now.CancelAfter(Listener.Settings.Drain);
        }
    }

    /// <summary>Ends what is left.</summary>
    public void End() => _now.Cancel();

    /// <inheritdoc/>
    public void Dispose() => _now.Dispose();
}
