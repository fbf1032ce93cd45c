using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Recording;
using Sentinel.Recovery.Watching;

namespace Sentinel.Recovery;

/// <summary>What all backends' loops share.</summary>
internal sealed record RecoveryRoom(
    PoolTable Pools,
    LoopRegistry Loops,
    TimeProvider Time,
    SteadyClock Clock,
    Prober Prober,
    OutageLog Outages,
    DrainedList Drained,
    RecoveryMeter Meter,
    Action<RecoveryAlert> Alert,
    ILogger Logger);
