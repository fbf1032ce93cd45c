using System.Net.Sockets;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>
/// Carries one listener: what reaches the listening socket goes to the carrier of user space, which holds, limits and
/// relays as ever; what the kernel diverts never gets there.
/// </summary>
internal sealed class KernelCarrier(ICarrier inner, KernelEngine engine, Lane lane) : ICarrier
{
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

    public async Task DrainAsync(CancellationToken now)
    {
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
