using Sentinel.Backends;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery;

/// <summary>Something to tell people who are elsewhere.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="At">When.</param>
/// <param name="Backend">Whose; null for what concerns all VMs of a cloud.</param>
/// <param name="Outage">In which outage; null outside of one.</param>
/// <param name="Reason">A stable name: of the cause, or of what was refused.</param>
/// <param name="Detail">For people.</param>
/// <param name="Seconds">How long the outage has lasted; null where there is none.</param>
public sealed record RecoveryAlert(OutageAlert Kind, DateTimeOffset At, BackendId? Backend, string? Outage, string Reason, string Detail, double? Seconds);
