using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery;

/// <summary>What the timeline tells, as log lines.</summary>
internal static class OutageTelling
{
    /// <param name="outage">The one that the entry belongs to, as it is afterwards.</param>
    public static void Tell(ILogger logger, BackendId backend, OutageEntry entry, Outage? outage)
    {
        var id = outage?.Id ?? "";
        var source = entry.Source.ToName();
        switch (entry.What)
        {
            case OutageMark.Opened:
                Log.OutageOpened(logger, backend, id, source, entry.Detail);
                break;
            case OutageMark.Closed or OutageMark.Removed:
                Log.OutageClosed(logger, backend, id, outage?.Duration?.TotalSeconds ?? 0, outage?.Attempts ?? 0, entry.Detail);
                break;
            case OutageMark.Stopped when outage?.Cause is OutageCause.Preempted:
                Log.Preempted(logger, backend, id, (outage.StoppedAt is { } stopped ? entry.At - stopped : TimeSpan.Zero).TotalSeconds, entry.Detail);
                break;
            case OutageMark.Stopped or OutageMark.Stopping:
                Log.Stopped(logger, backend, id, outage?.Cause.ToName() ?? "", entry.Detail);
                break;
            case OutageMark.CauseFound:
                Log.CauseFound(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Noticed or OutageMark.NoticeLapsed:
                Log.Noticed(logger, backend, id, entry.What.ToName(), entry.Detail);
                break;
            case OutageMark.StartRequested:
                Log.StartRequested(logger, backend, id, entry.Detail);
                break;
            case OutageMark.RecreateRequested:
                Log.RecreateRequested(logger, backend, id, entry.Detail);
                break;
            case OutageMark.FallbackRequested:
                Log.FallbackRequested(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Called:
                Log.Called(logger, backend, id, entry.Detail);
                break;
            case OutageMark.StopRequested:
                Log.StopRequested(logger, backend, id, entry.Detail);
                break;
            case OutageMark.ResetRequested:
                Log.ResetRequested(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Accepted:
                Log.Started(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Refused:
                Log.StartRefused(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Failed or OutageMark.TimedOut:
                Log.AttemptFailed(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Running:
                Log.Running(logger, backend, id);
                break;
            case OutageMark.Waiting:
                Log.Waiting(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Flapping:
                Log.Flapping(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Hung:
                Log.Hung(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Slow:
                Log.Slow(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Held:
                Log.Held(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Released or OutageMark.Asked:
                Log.Asked(logger, backend, id, entry.Detail);
                break;
            case OutageMark.Resumed:
                Log.Resumed(logger, backend, id, entry.Detail);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(entry), entry, null);
        }
    }
}
