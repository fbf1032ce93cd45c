using Sentinel.Backends;
using Sentinel.Recovery.Outages;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Admin;

/// <summary>What the admin endpoint asks of recovery. Thread-safe.</summary>
internal interface IRecoveryDesk
{
    /// <summary>What is on record of a backend; null if recovery does not know it.</summary>
    BackendHistory? HistoryOf(BackendId backend);

    /// <summary>Outages, the latest first.</summary>
    IReadOnlyList<OutageDocument> Outages();

    /// <summary>One outage; null if there is none of that name.</summary>
    OutageDocument? Outage(string id);

    /// <summary>Asks for something to be done about a backend.</summary>
    /// <returns>Null if it will be; else why it makes no sense now.</returns>
    Task<string?> AskAsync(BackendId backend, OperatorRequest request, CancellationToken cancellationToken);

    /// <summary>A VM says that it will be preempted.</summary>
    /// <param name="at">When it was told so, by the sentinel's clock.</param>
    /// <returns>Whose VM it is; null if nobody's.</returns>
    BackendId? Notice(string instance, DateTimeOffset at);
}

/// <summary>What recovery has on record of one backend.</summary>
internal sealed record BackendHistory
{
    public int Preemptions { get; init; }

    public DateTimeOffset? LastPreemption { get; init; }

    /// <summary>The name of the one that lasts.</summary>
    public string? Outage { get; init; }

    public TimeSpan? LastOutage { get; init; }

    public DateTimeOffset? NextAttempt { get; init; }

    /// <summary>Since the daemon began; null where no prices are configured.</summary>
    public CostDocument? Cost { get; init; }
}
