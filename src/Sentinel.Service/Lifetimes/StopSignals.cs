using System.Runtime.InteropServices;

namespace Sentinel.Service.Lifetimes;

/// <summary>
/// SIGTERM and SIGINT: the first asks the daemon to finish what it has begun, the second to stop now, the third ends the
/// process on the spot. SIGHUP asks the daemon for a reload, and a command on a terminal that is gone to stop.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _now = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private int _count;

    /// <param name="reload">Called at SIGHUP, on a thread of the pool; null: SIGHUP stops like the others.</param>
    public StopSignals(Action? reload)
    {
        On(PosixSignal.SIGTERM, Count);
        On(PosixSignal.SIGINT, Count);
        On(PosixSignal.SIGQUIT, Count);
        On(PosixSignal.SIGHUP, reload ?? Count);
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Cancelled by the second.</summary>
    public CancellationToken Now => _now.Token;

    /// <summary>What the first signal does, for other causes.</summary>
    public void RequestStop() => _stop.Cancel();

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _stop.Dispose();
        _now.Dispose();
    }

    private void On(PosixSignal signal, Action act) => _registrations.Add(PosixSignalRegistration.Create(signal, context =>
    {
        // The runtime would otherwise end the process once this returns.
        context.Cancel = true;
        act();
    }));

    private void Count()
    {
        switch (Interlocked.Increment(ref _count))
        {
            case 1: _stop.Cancel(); break;
            case 2: _now.Cancel(); break;
            default: Environment.Exit(1); break;
        }
    }
}
