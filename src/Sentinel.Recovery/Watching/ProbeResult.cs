namespace Sentinel.Recovery.Watching;

/// <summary>What one check found out.</summary>
/// <param name="Passed">The verdict.</param>
/// <param name="BegunAt">When it began.</param>
/// <param name="At">When it ended.</param>
/// <param name="Why">For people.</param>
internal readonly record struct ProbeResult(bool Passed, DateTimeOffset BegunAt, DateTimeOffset At, string Why);
