using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.HandOver;

/// <summary>
/// Keeps descriptors open while this process ends and the next one starts, which finds them in
/// <see cref="Listeners.PassedSockets"/>. Thread-safe; never throws.
/// </summary>
public interface IDescriptorStore
{
    /// <summary>Keeps a duplicate of a descriptor. A file that is kept already is not kept twice.</summary>
    /// <param name="name">At most 255 printable ASCII characters but for the colon. Several descriptors may have one name.</param>
    /// <param name="descriptor">The caller's, who may close it as soon as this has returned.</param>
    /// <returns>False if nobody was there to take it.</returns>
    bool Keep(string name, SafeHandle descriptor);

    /// <summary>Lets go of every descriptor of that name.</summary>
    void Forget(string name);

    /// <summary>Waits until everything said before has been acted upon.</summary>
    /// <returns>False if that could not be learnt.</returns>
    Task<bool> SettleAsync();
}
