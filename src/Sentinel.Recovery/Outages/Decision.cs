using System.Collections.Immutable;

namespace Sentinel.Recovery.Outages;

/// <summary>What follows from an event.</summary>
/// <param name="State">The new state.</param>
/// <param name="Effects">What to do, in order.</param>
/// <param name="Refusal">Why a person's request makes no sense now; null if it was taken, or if none was made.</param>
/// <param name="Ended">The outage that this ended, if one.</param>
internal readonly record struct Decision(OutageState State, ImmutableArray<OutageEffect> Effects, string? Refusal = null, Outage? Ended = null);
