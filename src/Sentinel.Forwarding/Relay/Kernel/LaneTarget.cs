using System.Net;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>A backend that connections of one lane were sent to, for as long as some may be open. Used by the engine's loop alone.</summary>
internal sealed class LaneTarget(IPEndPoint endPoint, Backend picked)
{
    private int _counted;
    private int _seen;

    public IPEndPoint EndPoint => endPoint;

    /// <summary>As it was when it began, or began again, to get connections.</summary>
    public Backend Picked { get; private set; } = picked;

    /// <summary>Whether it gets new connections.</summary>
    public bool IsCurrent { get; set; }

    /// <summary>Whether its connections end when it is declared down.</summary>
    public bool ClosesOnDown { get; set; }

    /// <summary>It was declared down: its connections are to go at the next visit.</summary>
    public bool IsToCut { get; set; }

    /// <summary>It gets no new connections any more, and those that it has not answered yet are to go at the next visit.</summary>
    public bool IsToRedirect { get; set; }

    /// <summary>Open connections, as last seen.</summary>
    public int Open { get; private set; }

    /// <summary>Connections that this visit ends.</summary>
    public int Cut { get; private set; }

    /// <summary>It came back, with nothing left from before.</summary>
    public void StartAfresh(Backend backend)
    {
        Count(0);
        Picked = backend;
    }

    /// <summary>Counts a connection.</summary>
    /// <returns>Whether it is to go.</returns>
    public bool Visit(TrackedFlow flow, bool isStopped)
    {
        var isToGo = isStopped || IsToCut;
        if (flow.IsOpen)
        {
            (_seen, Cut) = isToGo ? (_seen, Cut + 1) : (_seen + 1, Cut);
        }

        return isToGo || (IsToRedirect && flow.IsOpening);
    }

    /// <summary>A visit is over.</summary>
    public void Settle()
    {
        Count(_seen);
        (Open, _seen, Cut, IsToCut, IsToRedirect) = (_seen, 0, 0, false, false);
    }

    /// <summary>Keeps the backend's load in step.</summary>
    public void Count(int open)
    {
        for (; _counted < open; _counted++)
        {
            Picked.Load.Enter();
        }

        for (; _counted > open; _counted--)
        {
            Picked.Load.Exit();
        }
    }
}
