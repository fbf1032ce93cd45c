using Sentinel.Backends;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.KeySync;

/// <summary>One backend whose users are fetched. One task at a time works on it; what others read is replaced whole.</summary>
internal sealed class KeySyncPlace(BackendId backend)
{
    private volatile KeySyncStatus _status = new() { Backend = backend };

    public BackendId Backend => backend;

    public KeySyncStatus Status
    {
        get => _status;
        set => _status = value;
    }

    public DateTimeOffset DueAt { get; set; }

    /// <summary>It said that its users changed, and was not asked since.</summary>
    public bool IsWanted { get; set; }

    /// <summary>In a row.</summary>
    public int Failures { get; set; }

    /// <summary>Whether it was healthy at the last look.</summary>
    public bool WasUp { get; set; }

    /// <summary>What it last said, authentically; null if it never did.</summary>
    public EquatableList<SyncedUser>? Known { get; set; }

    /// <summary>Whether that is on disk.</summary>
    public bool IsKept { get; set; }

    /// <summary>Whether a write that has not begun will take it along.</summary>
    public bool IsQueued { get; set; }

    /// <summary>What writes it.</summary>
    public Task Writing { get; set; } = Task.CompletedTask;

    /// <summary>Our own keys as it was last given them, or would not take them.</summary>
    public IReadOnlyList<string> Offered { get; set; } = [];

    public DateTimeOffset OfferedAt { get; set; }

    /// <summary>Those of them that it took.</summary>
    public IReadOnlyList<string> Taken { get; set; } = [];

    public Task Work { get; set; } = Task.CompletedTask;
}

/// <summary>How fetching the users of one backend goes.</summary>
public sealed record KeySyncStatus
{
    /// <summary>Whose.</summary>
    public required BackendId Backend { get; init; }

    /// <summary>How many it named when it last answered; 0 if it never did.</summary>
    public int Users { get; init; }

    /// <summary>When everything that it has was last had; null if not since the daemon's start.</summary>
    public DateTimeOffset? LastSuccess { get; init; }

    /// <summary>Why the last try failed, in whole or in part; null if it did not.</summary>
    public string? LastError { get; init; }

    /// <summary>How full it says it is, from 0 to 1; null if it does not.</summary>
    public double? Load { get; init; }

    /// <summary>When it said so.</summary>
    public DateTimeOffset? LoadAt { get; init; }
}
