namespace Sentinel.Forwarding.Listeners;

/// <summary>Why a listener cannot be had.</summary>
/// <param name="Listener">Its name.</param>
/// <param name="Address">The address at fault, as the configuration writes it; empty if it is the listener as a whole.</param>
/// <param name="Reason">A sentence for the administrator: what is wrong, and what to do.</param>
public sealed record BindError(string Listener, string Address, string Reason)
{
    /// <inheritdoc/>
    public override string ToString() => Address.Length == 0 ? $"listeners.{Listener}: {Reason}" : $"listeners.{Listener}.bind {Address}: {Reason}";
}
