using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>
/// Tells clients that their connection is gone. Once the kernel has forgotten it, the listening socket answers whatever
/// the client sends with a reset; but one that only waits sends nothing. A SYN-ACK out of the blue makes it: its system
/// answers with where it stands (RFC 5961 §4), and the answer to that is the reset, with the right numbers. A SYN-ACK
/// because stateful firewalls on the way let it pass whatever its sequence number. Needs CAP_NET_RAW.
/// </summary>
internal static class Nudge
{
    private const int TcpLength = 20;
    private const byte Tcp = 6;
    private const byte SynAck = 0x12;
    private const byte HopLimit = 64;

    /// <summary>Sends each client one packet. One that is lost, or that a firewall eats, is not repeated.</summary>
    /// <exception cref="SocketException">This process may not send raw packets; some clients may have been told.</exception>
    public static void Send(IReadOnlyList<TrackedFlow> flows)
    {
        foreach (var family in flows.GroupBy(flow => flow.To.AddressFamily))
        {
            // This protocol only sends, with the IP header that it is given: no copy of anything arrives on it (raw(7)).
            using var socket = new Socket(family.Key, SocketType.Raw, ProtocolType.Raw);
            foreach (var flow in family)
            {
                try
                {
                    socket.SendTo(Packet(flow), new IPEndPoint(flow.Client.Address, 0));
                }
                catch (SocketException e) when (e.SocketErrorCode is not SocketError.AccessDenied)
                {
                    // no way to this client; the others may have one
                }
            }
        }
    }

    /// <summary>The packet from where the client went to the client. Of IPv4's header the kernel fills in length and checksum.</summary>
    internal static byte[] Packet(TrackedFlow flow)
    {
        var isV4 = flow.To.AddressFamily == AddressFamily.InterNetwork;
        var packet = new byte[(isV4 ? 20 : 40) + TcpLength];
        var (protocol, limit, source, width) = isV4 ? (9, 8, 12, 4) : (6, 7, 8, 16);
        packet[0] = isV4 ? (byte)0x45 : (byte)0x60;
        packet[protocol] = Tcp;
        packet[limit] = HopLimit;
        if (!isV4)
        {
            packet[5] = TcpLength;
        }

        flow.To.Address.TryWriteBytes(packet.AsSpan(source), out _);
        flow.Client.Address.TryWriteBytes(packet.AsSpan(source + width), out _);

        var tcp = packet.AsSpan(packet.Length - TcpLength);
        BinaryPrimitives.WriteUInt16BigEndian(tcp, (ushort)flow.To.Port);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[2..], (ushort)flow.Client.Port);
        RandomNumberGenerator.Fill(tcp[4..12]);
        tcp[12] = (TcpLength / 4) << 4;
        tcp[13] = SynAck;

        // over the addresses, the protocol, the length and the header (RFC 9293 §3.1)
        var sum = Sum(packet.AsSpan(source, 2 * width)) + Tcp + TcpLength + Sum(tcp);
        while (sum >> 16 != 0)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], (ushort)~sum);
        return packet;
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        var sum = 0u;
        for (var i = 0; i < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        return sum;
    }
}
