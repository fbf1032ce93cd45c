using Sentinel.Backends;
using Sentinel.Recovery;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Recording;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Hosting;

/// <summary>Recovery as the admin endpoint sees it.</summary>
internal sealed class RecoveryDesk(RecoveryService recovery, TimeProvider time) : IRecoveryDesk
{
    public BackendHistory? HistoryOf(BackendId backend) => recovery.HistoryOf(backend) is not { } history ? null : new()
    {
        Preemptions = history.Preemptions,
        LastPreemption = history.LastPreemption,
        Outage = history.Open?.Id,
        LastOutage = history.LastOutage,
        NextAttempt = history.NextAttempt,
        Cost = history.Prices is { } prices ? CostDocument.Of(prices.Of(history.Ran.Spot, history.Ran.OnDemand, history.Ran.Since)) : null,
    };

    public IReadOnlyList<OutageDocument> Outages() => [.. recovery.Outages.List().Select(Describe)];

    public OutageDocument? Outage(string id) => recovery.Outages.Find(id) is { } record ? Describe(record) : null;

    public async Task<string?> AskAsync(BackendId backend, OperatorRequest request, CancellationToken cancellationToken)
    {
        var outcome = await recovery.RequestAsync(backend, request, cancellationToken).ConfigureAwait(false);
        return outcome.Result switch
        {
            RequestResult.Accepted => null,
            RequestResult.UnknownBackend => $"{backend} has just left the configuration.",
            _ => outcome.Why ?? "It makes no sense now.",
        };
    }

    public BackendId? Notice(string instance, DateTimeOffset at) => recovery.Notice(instance, at);

    /// <summary>What ran from its last coming up on; attempts that failed before count for nothing.</summary>
    private CostDocument? CostOf(OutageRecord record, DateTimeOffset began)
    {
        if (recovery.HistoryOf(new(record.Backend))?.Prices is not { } prices)
        {
            return null;
        }

        var end = record.ClosedAt ?? time.GetUtcNow();
        var ran = record.RunningAt is { } since && since < end ? end - since : TimeSpan.Zero;
        return CostDocument.Of(prices.Of(record.OnDemand ? TimeSpan.Zero : ran, record.OnDemand ? ran : TimeSpan.Zero, end - began));
    }

    private OutageDocument Describe(OutageRecord record)
    {
        var began = record.StoppedAt < record.OpenedAt ? record.StoppedAt.Value : record.OpenedAt;
        return new OutageDocument
        {
            Id = record.Id,
            Backend = record.Backend,
            Cause = record.Cause.ToName(),
            StartedAt = began,
            EndedAt = record.ClosedAt,
            Seconds = Math.Round(((record.ClosedAt ?? time.GetUtcNow()) - began).TotalSeconds, 3),
            Attempts = record.Attempts,
            Calls = record.Calls,
            Waits = record.Waits,
            Cost = CostOf(record, began),
            Durations = record.Durations,
            Timeline = [.. record.Timeline.Select(entry => new OutageMomentDocument(entry.At, entry.What.ToName(), entry.Source.ToName(), entry.Detail))],
            Omitted = record.Omitted,
        };
    }
}
