namespace Sentinel.Recovery.Watching;

/// <summary>What one check found out.</summary>
/// <param name="Passed">The verdict.</param>
/// <param name="Took">How long ago it began: no wall clock, which may be set in between.</param>
/// <param name="Why">For people.</param>
internal readonly record struct ProbeResult(bool Passed, TimeSpan Took, string Why);
