using Sentinel.Backends;

namespace Sentinel.Recovery.Outages;

/// <summary>How a VM that is gone is made again. The default: as it was last seen.</summary>
public sealed record Recreation
{
    /// <summary>What it is made from, as its cloud names it; null: its own last description.</summary>
    public string? Template { get; init; }

    /// <summary>Disks of its zone that it gets besides the others; they are kept when it goes.</summary>
    public EquatableList<string> DataDisks { get; init; } = [];
}
