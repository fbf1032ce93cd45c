using Sentinel.Backends;
using Sentinel.Forwarding.Holding;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>A connection of a loop in the waiting room; its turn and its end are posted to that loop.</summary>
internal sealed class SpliceWaiter(SpliceLoop loop, int index, PoolId pool, ClientAddress client, long since, TimeSpan hold)
    : Waiter(pool, client, since, hold)
{
    public int Index => index;

    public override void Released(Backend backend) => loop.Post(() => loop.Released(this, backend));

    public override void Expired() => loop.Post(() => loop.Expired(this));
}
