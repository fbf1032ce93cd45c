namespace Sentinel.Recovery.Clouds;

/// <summary>What is known of one instance, and who wants to be told. Thread-safe; observers are called one report at a time, in order.</summary>
internal sealed class ReportFeed
{
    private readonly Lock _lock = new();
    private readonly List<Action<InstanceReport>> _observers = [];

    /// <summary>The newest; null before the first.</summary>
    public InstanceReport? Last { get; private set; }

    /// <summary>Tells all observers.</summary>
    public void Tell(InstanceReport report)
    {
        lock (_lock)
        {
            Last = report;
            _observers.ForEach(observer => observer(report));
        }
    }

    /// <summary>Tells the newest again.</summary>
    public void Repeat()
    {
        lock (_lock)
        {
            if (Last is not null)
            {
                Tell(Last);
            }
        }
    }

    /// <summary>Tells the newest now, and every one from here on.</summary>
    /// <returns>Ends it.</returns>
    public IDisposable Watch(Action<InstanceReport> observer)
    {
        lock (_lock)
        {
            _observers.Add(observer);
            if (Last is not null)
            {
                observer(Last);
            }
        }

        return new Subscription(this, observer);
    }

    private sealed class Subscription(ReportFeed feed, Action<InstanceReport> observer) : IDisposable
    {
        public void Dispose()
        {
            lock (feed._lock)
            {
                feed._observers.Remove(observer);
            }
        }
    }
}
