using System.Net.Sockets;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>
/// Carries one listener: what reaches the listening socket goes to the carrier of user space, which holds, limits and
/// relays as ever; what the kernel diverts never gets there.
/// </summary>
internal sealed class KernelCarrier(ICarrier inner, KernelEngine engine, Lane lane) : IKeepingCarrier
{
    private bool _hasLeft;

    public ICarrier Inner => inner;

    public Lane Lane => lane;

    public void Accept(Socket listening)
    {
        inner.Accept(listening);
        lane.Accept(this, listening);
        engine.Keep(lane);
    }

    public void StopAccepting(Socket listening)
    {
        lane.StopAccepting(listening);
        engine.Wake();
        inner.StopAccepting(listening);
    }

    public void CloseDown()
    {
        engine.Wake();
        inner.CloseDown();
    }

    /// <summary>What is in the kernel stays there, with the table, and needs no process meanwhile; the rest goes the way of its engine.</summary>
    public async Task<IReadOnlyList<KeptConnection>> TakeOutAsync()
    {
        await engine.LeaveAsync().ConfigureAwait(false);
        _hasLeft = true;
        return inner is IKeepingCarrier keeping ? await keeping.TakeOutAsync().ConfigureAwait(false) : [];
    }

    public void Resume(KeptConnection connection, ListenerRules rules)
    {
        if (inner is IKeepingCarrier keeping)
        {
            keeping.Resume(connection, rules);
        }
    }

    public async Task DrainAsync(CancellationToken now)
    {
        if (_hasLeft)
        {
            await inner.DrainAsync(now).ConfigureAwait(false);
            return;
        }

        var kernel = lane.DrainAsync(this);
        var user = inner.DrainAsync(now);
        engine.Wake();
        await using (now.UnsafeRegister(_ => Stop(), null).ConfigureAwait(false))
        {
            await Task.WhenAll(kernel, user).ConfigureAwait(false);
        }
    }

    private void Stop()
    {
        lane.Stop(this);
        engine.Wake();
    }
}
