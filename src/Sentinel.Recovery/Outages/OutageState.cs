using Sentinel.Backends;

namespace Sentinel.Recovery.Outages;

/// <summary>All that is known of one backend. Immutable; only <see cref="OutageStep"/> makes a new one from it.</summary>
internal sealed record OutageState
{
    /// <summary>Whose it is.</summary>
    public required BackendId Backend { get; init; }

    /// <summary>Where recovery stands.</summary>
    public OutagePhase Phase { get; init; } = new OutagePhase.Unknown();

    /// <summary>Since when <see cref="Shown"/> is what it is.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Why, for people.</summary>
    public string Reason { get; init; } = "not checked yet";

    /// <summary>The verdict of its checks, by the thresholds.</summary>
    public bool Healthy { get; init; }

    /// <summary>Checks passed in a row.</summary>
    public int Passes { get; init; }

    /// <summary>Checks failed in a row.</summary>
    public int Fails { get; init; }

    /// <summary>When the first of <see cref="Passes"/> passed.</summary>
    public DateTimeOffset? PassedAt { get; init; }

    /// <summary>Why the last check failed.</summary>
    public string? LastFailure { get; init; }

    /// <summary>Since when it runs and is not healthy; counts towards a reset.</summary>
    public DateTimeOffset? HangsSince { get; init; }

    /// <summary>Checks that began before this tell of an earlier run.</summary>
    public DateTimeOffset EvidenceFrom { get; init; }

    /// <summary>Whether the cloud has said anything of the instance since the daemon started.</summary>
    public bool Sighted { get; init; }

    /// <summary>What the cloud says of the instance.</summary>
    public InstanceSight Instance { get; init; }

    /// <summary>Whether the cloud says that the instance does not exist.</summary>
    public bool IsGone { get; init; }

    /// <summary>The newest run that is known.</summary>
    public Incarnation Incarnation { get; init; }

    /// <summary>The newest run that is known to have ended.</summary>
    public Incarnation? Ended { get; init; }

    /// <summary>Where the instance answers, if the cloud told.</summary>
    public string? Address { get; init; }

    /// <summary>The outage that is on, if one is.</summary>
    public Outage? Outage { get; init; }

    /// <summary>Whether people asked to take no new connections.</summary>
    public bool Draining { get; init; }

    /// <summary>Whether the last connection has ended since.</summary>
    public bool Drained { get; init; }

    /// <summary>The attempt whose outcome is awaited; never two at once.</summary>
    public PendingAttempt? Pending { get; init; }

    /// <summary>The newest ticket given out.</summary>
    public long LastTicket { get; init; }

    /// <summary>Whether it runs, or ran last, at full price.</summary>
    public bool OnDemand { get; init; }

    /// <summary>Since when it runs on demand, failed returns to spot included; null: it does not.</summary>
    public DateTimeOffset? OnDemandSince { get; init; }

    /// <summary>How often going back to spot was tried since.</summary>
    public int Returns { get; init; }

    /// <summary>When going back to spot may be tried again.</summary>
    public DateTimeOffset ReturnFrom { get; init; }

    /// <summary>Since when nobody is connected, while that matters.</summary>
    public DateTimeOffset? QuietSince { get; init; }

    /// <summary>When the last outages began, oldest first, as far back as flapping is looked for.</summary>
    public EquatableList<DateTimeOffset> Recent { get; init; } = [];

    /// <summary>The second that names the newest outage: the next one is named after a later one.</summary>
    public DateTimeOffset LastNamed { get; init; }

    /// <summary>As status shows it.</summary>
    public BackendState Shown =>
        !Draining || !IsServing ? Phase.Shown
        : Drained ? BackendState.Drained
        : BackendState.Draining;

    /// <summary>Whether it answers its users, those whom it still has at least.</summary>
    public bool IsServing => Phase is OutagePhase.Serving || (Phase is OutagePhase.Suspect && Healthy);

    /// <summary>Whether the instance is known to be down.</summary>
    public bool IsDown => Instance is InstanceSight.Stopped;
}

/// <summary>What the cloud says of an instance.</summary>
internal enum InstanceSight
{
    /// <summary>Nothing, now: there is none, or the cloud cannot be asked, or it was just asked to start.</summary>
    Unseen,

    /// <summary>It runs.</summary>
    Running,

    /// <summary>It has stopped or is gone.</summary>
    Stopped,
}

/// <summary>An attempt whose outcome is awaited.</summary>
/// <param name="Ticket">Of its effect.</param>
/// <param name="Until">When its outcome is taken to be lost.</param>
internal readonly record struct PendingAttempt(long Ticket, DateTimeOffset Until);
