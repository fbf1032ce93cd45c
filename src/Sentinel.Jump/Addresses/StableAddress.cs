using System.Net;
using Sentinel.Backends;

namespace Sentinel.Jump.Addresses;

/// <summary>The two addresses of one backend on the sentinel itself, which it keeps whatever becomes of its VM.</summary>
/// <param name="Backend">Its name.</param>
/// <param name="Address">Where users reach it, held while it is away.</param>
/// <param name="Tunnel">Where it listens itself if it connects out.</param>
public sealed record StableAddress(BackendId Backend, IPAddress Address, IPAddress Tunnel)
{
    /// <summary>How many backends have room in a network.</summary>
    public static int Room(IPNetwork network) => (1 << (31 - network.PrefixLength)) - 1;

    /// <summary>The addresses of a number: it counts in the lower half of the network, and the same in the upper.</summary>
    /// <param name="number">From 1 to <see cref="Room"/>.</param>
    public static StableAddress Of(BackendId backend, int number, IPNetwork network) =>
        new(backend, At(network, number), At(network, (1 << (31 - network.PrefixLength)) + number));

    private static IPAddress At(IPNetwork network, int offset)
    {
        var bytes = network.BaseAddress.GetAddressBytes();
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes) + (uint)offset);
        return new(bytes);
    }
}
