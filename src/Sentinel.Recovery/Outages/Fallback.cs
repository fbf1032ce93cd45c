namespace Sentinel.Recovery.Outages;

/// <summary>What is tried when a VM finds no capacity as it is. Compared by value.</summary>
public abstract record Fallback
{
    /// <summary>The same VM as another machine type.</summary>
    public sealed record OtherMachine(string MachineType) : Fallback
    {
        /// <inheritdoc/>
        public override string ToString() => $"as {MachineType}";
    }

    /// <summary>The same VM in another zone.</summary>
    /// <param name="FromSnapshot">Its disks are copied there; if not, they are regional and go along.</param>
    public sealed record OtherZone(string Zone, bool FromSnapshot) : Fallback
    {
        /// <inheritdoc/>
        public override string ToString() => $"in {Zone}{(FromSnapshot ? " from snapshots" : "")}";
    }

    /// <summary>The same VM on demand, for full price.</summary>
    /// <param name="AtMost">How long, until it has been a spot VM again; zero: for ever.</param>
    public sealed record OnDemand(TimeSpan AtMost) : Fallback
    {
        /// <inheritdoc/>
        public override string ToString() => "on demand";
    }
}
