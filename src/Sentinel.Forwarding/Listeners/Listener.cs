using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Listeners;

/// <summary>One listener in force. Immutable; its gate and carrier live on.</summary>
internal sealed record Listener(ListenerSettings Settings, Gate Gate, IEngine Engine, ICarrier Carrier)
{
    public ListenerStatus Status(bool bound) =>
        new(Settings, bound, Engine.Name, Gate.Active, Gate.Room.Count, Gate.Accepted, Gate.Refused);
}
