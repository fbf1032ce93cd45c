namespace Sentinel.Forwarding.Listeners;

/// <summary>One listener, now: what <c>/status</c> and <c>/readyz</c> tell of it.</summary>
/// <param name="Settings">As configured.</param>
/// <param name="Bound">Whether it accepts on all its addresses.</param>
/// <param name="Engine">The relay in use, such as <c>managed</c>; <c>yarp</c> for http.</param>
/// <param name="Connections">Open connections.</param>
/// <param name="Held">Connections or requests that wait for a backend.</param>
/// <param name="Accepted">Connections accepted since start.</param>
/// <param name="Refused">Connections turned away by a limit since start.</param>
public sealed record ListenerStatus(ListenerSettings Settings, bool Bound, string Engine, int Connections, int Held, long Accepted, long Refused);
