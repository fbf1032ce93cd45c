using System.Globalization;
using System.Net;

namespace Sentinel.Jump.Sessions;

/// <summary>A TCP connection of this machine, as its kernel knows it.</summary>
/// <param name="Local">This end.</param>
/// <param name="Peer">The other end.</param>
internal readonly record struct Connection(IPEndPoint Local, IPEndPoint Peer)
{
    private const string Established = "01";

    /// <summary>All that are open to one of <paramref name="ports"/> of this machine (proc(5), /proc/net/tcp).</summary>
    /// <exception cref="IOException">The kernel does not tell.</exception>
    public static List<Connection> OpenTo(IReadOnlySet<int> ports)
    {
        var found = new List<Connection>();
        foreach (var file in new[] { "/proc/net/tcp", "/proc/net/tcp6" })
        {
            foreach (var line in File.Exists(file) ? File.ReadLines(file).Skip(1) : [])
            {
                var words = line.Split(' ', 5, StringSplitOptions.RemoveEmptyEntries);
                if (words.Length == 5 && words[3] == Established && ports.Contains(PortOf(words[1])))
                {
                    found.Add(new(EndOf(words[1]), EndOf(words[2])));
                }
            }
        }

        return found;
    }

    private static int PortOf(string end) => int.Parse(end.AsSpan(end.IndexOf(':') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>The kernel writes addresses as words of this machine's byte order.</summary>
    private static IPEndPoint EndOf(string end)
    {
        var bytes = Convert.FromHexString(end.AsSpan(0, end.IndexOf(':')));
        if (BitConverter.IsLittleEndian)
        {
            for (var i = 0; i < bytes.Length; i += 4)
            {
                Array.Reverse(bytes, i, 4);
            }
        }

        var address = new IPAddress(bytes);
        return new(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, PortOf(end));
    }
}
