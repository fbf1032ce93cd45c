namespace Sentinel.Backends;

/// <summary>Those who wait for one pool, and what became of them: counted by forwarding, read by recovery for its records. Thread-safe.</summary>
public sealed class PoolWaits
{
    private readonly Lock _lock = new();
    private Waits _waits;

    /// <summary>Since the daemon began.</summary>
    public Waits Current
    {
        get
        {
            lock (_lock)
            {
                return _waits;
            }
        }
    }

    /// <summary>Counts.</summary>
    public void Count(Waits more)
    {
        lock (_lock)
        {
            _waits += more;
        }
    }
}

/// <summary>Connections and requests that had to wait; one that has to again counts again.</summary>
/// <param name="Held">All that began to wait.</param>
/// <param name="Served">Went on to a backend.</param>
/// <param name="Expired">Had waited as long as they might.</param>
/// <param name="Left">Went away by themselves.</param>
/// <param name="Refused">Were not let in: as many waited as may.</param>
public readonly record struct Waits(int Held, int Served = 0, int Expired = 0, int Left = 0, int Refused = 0)
{
    /// <summary>Wait still.</summary>
    public int Waiting => Held - Served - Expired - Left;

    /// <summary>The same as if those who wait still came just now.</summary>
    public Waits Begun => this with { Held = Held - Waiting };

    /// <summary>Together.</summary>
    public static Waits operator +(Waits a, Waits b) => new(a.Held + b.Held, a.Served + b.Served, a.Expired + b.Expired, a.Left + b.Left, a.Refused + b.Refused);

    /// <summary>What came in between.</summary>
    public static Waits operator -(Waits a, Waits b) => new(a.Held - b.Held, a.Served - b.Served, a.Expired - b.Expired, a.Left - b.Left, a.Refused - b.Refused);
}
