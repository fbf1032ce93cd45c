using Sentinel.Backends;

namespace Sentinel.Recovery.Outages;

/// <summary>How a VM that is gone is made again.</summary>
public sealed record Recreation
{
    /// <summary>What it is made from, as its cloud names it.</summary>
    public required string Template { get; init; }

    /// <summary>Disks of its zone that it gets besides those of the template; they are kept when it goes.</summary>
    public EquatableList<string> DataDisks { get; init; } = [];
}
