using System.Net;
using System.Net.Sockets;

namespace Sentinel.Service.Demo;

/// <summary>Where the demo's parts listen: the usual ports if they are free, else the next ones that are.</summary>
internal sealed record DemoNetwork
{
    private const int Attempts = 200;

    public required IPEndPoint Http { get; init; }

    public required IPEndPoint Ssh { get; init; }

    public required IPEndPoint Admin { get; init; }

    /// <summary>One address a VM, as if each were a machine of its own.</summary>
    public required IReadOnlyList<IPAddress> Vms { get; init; }

    /// <summary>The same on every VM.</summary>
    public required int VmHttpPort { get; init; }

    /// <summary>The same on every VM.</summary>
    public required int VmSshPort { get; init; }

    /// <summary>Finds addresses and ports that are free now.</summary>
    public static DemoNetwork Find()
    {
        IPAddress[] vms = [IPAddress.Parse("127.0.0.2"), IPAddress.Parse("127.0.0.3")];
        if (!vms.All(address => IsFree(new(address, 0))))
        {
            // Elsewhere than on Linux and Windows loopback is one address of each kind.
            vms = [IPAddress.Loopback, IPAddress.IPv6Loopback];
        }

        return new DemoNetwork
        {
            Http = new(IPAddress.Loopback, Free([IPAddress.Loopback], 8080)),
            Ssh = new(IPAddress.Loopback, Free([IPAddress.Loopback], 2222)),
            Admin = new(IPAddress.Loopback, Free([IPAddress.Loopback], 8888)),
            Vms = vms,
            VmHttpPort = Free(vms, 18080),
            VmSshPort = Free(vms, 12222),
        };
    }

    private static int Free(IPAddress[] addresses, int first) =>
        Enumerable.Range(first, Attempts).FirstOrDefault(port => addresses.All(address => IsFree(new(address, port))), first);

    private static bool IsFree(IPEndPoint endPoint)
    {
        try
        {
            using var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(endPoint);
            socket.Listen();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
