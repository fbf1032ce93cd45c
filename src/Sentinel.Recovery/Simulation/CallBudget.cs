namespace Sentinel.Recovery.Simulation;

/// <summary>The daemon's own ceiling on requests, in virtual time: who would exceed it waits its turn.</summary>
internal sealed class CallBudget(int perMinute, DateTimeOffset start)
{
    private readonly Dictionary<long, int> _byMinute = [];
    private readonly double _burst = Math.Max(1, perMinute / 10.0);
    private double _tokens = Math.Max(1, perMinute / 10.0);
    private DateTimeOffset _at = start;

    public long Total { get; private set; }

    public int Worst { get; private set; }

    private double PerSecond => Math.Max(perMinute - _burst, 1) / 60;

    /// <summary>Makes a request, which does not wait: watching, whose rate is fixed.</summary>
    public void Watch(DateTimeOffset at, int count) => Count(at, count);

    /// <summary>Makes requests that somebody waits for.</summary>
    /// <returns>When the last of them is made.</returns>
    public DateTimeOffset Take(DateTimeOffset at, int count)
    {
        for (var i = 0; i < count; i++)
        {
            at = at > _at ? at : _at;
            _tokens = Math.Min(_burst, _tokens + ((at - _at).TotalSeconds * PerSecond));
            _at = at;
            if (_tokens < 1)
            {
                at += TimeSpan.FromSeconds((1 - _tokens) / PerSecond);
                (_tokens, _at) = (1, at);
            }

            _tokens--;
            Count(at, 1);
        }

        return at;
    }

    private void Count(DateTimeOffset at, int count)
    {
        var minute = at.Ticks / TimeSpan.TicksPerMinute;
        var sum = _byMinute[minute] = _byMinute.GetValueOrDefault(minute) + count;
        Total += count;
        Worst = Math.Max(Worst, sum);
        if (_byMinute.Count > 10_000)
        {
            foreach (var old in _byMinute.Keys.Where(old => old < minute - 100).ToArray())
            {
                _byMinute.Remove(old);
            }
        }
    }
}
