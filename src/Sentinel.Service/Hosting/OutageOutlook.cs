using System.Collections.Concurrent;
using Sentinel.Backends;
using Sentinel.Forwarding;
using Sentinel.Recovery;

namespace Sentinel.Service.Hosting;

/// <summary>Tells forwarding from recovery's records how long an outage may take. Looks them up once a second at most, however many ask.</summary>
internal sealed class OutageOutlook(RecoveryService recovery, TimeProvider time) : IOutageOutlook
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<BackendId, (long At, BackendOutlook? Outlook)> _known = new();

    public BackendOutlook? Of(BackendId backend)
    {
        if (_known.TryGetValue(backend, out var known) && time.GetElapsedTime(known.At) < Fresh)
        {
            return known.Outlook;
        }

        BackendOutlook? outlook = recovery.HistoryOf(backend) is { Open: { } open } history ? new(open.OpenedAt, history.TypicalOutage) : null;
        _known[backend] = (time.GetTimestamp(), outlook);
        return outlook;
    }
}
