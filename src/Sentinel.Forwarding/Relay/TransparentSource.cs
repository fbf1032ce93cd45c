using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Relay;

/// <summary>
/// Lets a connection to a backend come from the client's own address (IP_TRANSPARENT, ip(7)). The backend's answers go to
/// that address, so they find the way back only with <see cref="TransparentRules"/>, on a machine the backend routes through.
/// </summary>
internal static unsafe partial class TransparentSource
{
    private const int LevelIp = 0;
    private const int LevelIpv6 = 41;
    private const int Ipv4Transparent = 19;
    private const int Ipv6Transparent = 75;
    private const int BindAddressNoPort = 24;

    private const int FamilyNotSupported = 97;

    /// <summary>Has a connection come from the client's address.</summary>
    /// <param name="descriptor">A stream socket of the family of <paramref name="backend"/>, not connected yet.</param>
    /// <returns><see cref="DialOutcome.Connected"/> to go on, or why the backend cannot be dialled.</returns>
    public static DialOutcome Take(int descriptor, IPAddress client, IPAddress backend) =>
        IsV4(client) != IsV4(backend) ? DialOutcome.OtherFamily
        : Bind(descriptor, client) == 0 ? DialOutcome.Connected
        : DialOutcome.Exhausted;

    /// <summary>Why this process may not do that; null if it may. A sentence for the administrator.</summary>
    public static string? Refusal()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "transparent needs Linux: leave it out";
        }

        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        return Bind((int)socket.Handle, IPAddress.Loopback) == 0 ? null
            : "transparent needs CAP_NET_RAW for this process: run the service as root or give its unit AmbientCapabilities=CAP_NET_RAW and the same in CapabilityBoundingSet=";
    }

    /// <summary>Binds a socket that is not connected yet, to the client's address and a port that the kernel picks at connect.</summary>
    /// <param name="descriptor">A stream socket of the family of the backend's address.</param>
    /// <param name="client">Of the same family; IPv4-mapped counts as IPv4.</param>
    /// <returns>
    /// 0, or the errno: EPERM (1) without CAP_NET_RAW or CAP_NET_ADMIN, EAFNOSUPPORT (97) if client and backend are of different
    /// families, in which case no address of the client's can be kept.
    /// </returns>
    public static int Bind(int descriptor, IPAddress client)
    {
        client = client.IsIPv4MappedToIPv6 ? client.MapToIPv4() : client;
        var isV4 = client.AddressFamily == AddressFamily.InterNetwork;
        var (level, option) = isV4 ? (LevelIp, Ipv4Transparent) : (LevelIpv6, Ipv6Transparent);
        var on = 1;
        if (SetOption(descriptor, level, option, &on, sizeof(int)) != 0)
        {
            // an IPv4 socket has no options of IPv6
            var error = Marshal.GetLastPInvokeError();
            return !isV4 && error != 1 ? FamilyNotSupported : error;
        }

        // Else each source port would be taken for all backends at once, and 28,000 connections of a client be the end.
        _ = SetOption(descriptor, LevelIp, BindAddressNoPort, &on, sizeof(int));

        // sockaddr_in and sockaddr_in6, port 0
        Span<byte> name = stackalloc byte[28];
        name.Clear();
        var family = (ushort)(isV4 ? 2 : 10);
        MemoryMarshal.Write(name, in family);
        client.TryWriteBytes(name[(isV4 ? 4 : 8)..], out _);
        if (!isV4)
        {
            var scope = (uint)client.ScopeId;
            MemoryMarshal.Write(name[24..], in scope);
        }

        fixed (byte* start = name)
        {
            return BindTo(descriptor, start, isV4 ? 16 : 28) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    private static bool IsV4(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6;

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(int descriptor, int level, int name, int* value, int length);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int BindTo(int descriptor, byte* address, int length);
}
