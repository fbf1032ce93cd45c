using Sentinel.Backends;

namespace Sentinel.Forwarding.Holding;

/// <summary>
/// One connection or request that waits for its pool. An engine derives from it what it needs to go on later; the room
/// keeps its own bookkeeping in it. The same waiter may enter again after it was let out.
/// </summary>
/// <param name="pool">Whom it waits for.</param>
/// <param name="client">Decides under client affinity.</param>
/// <param name="since">When it arrived, a timestamp of the room's clock: its place in the line, and where <paramref name="hold"/> begins. Unchanged when it enters again.</param>
/// <param name="hold">How long it may wait in all.</param>
internal abstract class Waiter(PoolId pool, ClientAddress client, long since, TimeSpan hold)
{
    public PoolId Pool => pool;

    public ClientAddress Client => client;

    public long Since => since;

    public TimeSpan Hold => hold;

    /// <summary>Its turn has come, and this backend is the pool's choice of this moment: dial it now. See <see cref="WaitingRoom.Enter"/> for the thread.</summary>
    public abstract void Released(Backend backend);

    /// <summary>It has waited as long as it may, or the room was closed.</summary>
    public abstract void Expired();

    // The room's, under its lock. Zero: not in the room.
    internal long Order { get; set; }

    internal long Entered { get; set; }

    internal long Deadline { get; set; }
}
