using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Sentinel.Forwarding.HandOver;

/// <summary>
/// All kept connections in one descriptor: a Unix socket in whose queue lie a file in memory that says what is there,
/// and then the sockets, in the order of that file. One descriptor, because the service manager compares each that it
/// is given with all it has, and because the names of 20,000 would not fit into the next process's environment.
/// </summary>
[SupportedOSPlatform("linux")]
internal static partial class Parcel
{
    private const int UnixFamily = 1;
    private const int SequencedPackets = 5;
    private const int CloseOnExec = 0x80000;
    private const int NonBlock = 0x800;
    private const int MemoryCloseOnExec = 1;

    /// <summary>Packs connections. Their descriptors stay open here until they are disposed.</summary>
    /// <returns>What is to be kept for the next process.</returns>
    /// <exception cref="SocketException">The system is out of descriptors, or more are under way than RLIMIT_NOFILE allows (unix(7), ETOOMANYREFS).</exception>
    /// <exception cref="IOException">No memory.</exception>
    public static Descriptor Pack(IReadOnlyList<KeptConnection> connections)
    {
        using var list = WriteList([.. connections.Select(KeptRecord.Of)]);
        var (inside, outside) = Pair();
        using (inside)
        {
            try
            {
                DescriptorMessage.Send(inside, [0], [list.Number]);
                foreach (var sockets in connections.SelectMany(SocketsOf).Chunk(DescriptorMessage.MaxDescriptors))
                {
                    DescriptorMessage.Send(inside, [0], sockets);
                }

                return outside;
            }
            catch
            {
                outside.Dispose();
                throw;
            }
        }
    }

    /// <summary>Takes out what was packed, by this version or another.</summary>
    /// <param name="lost">How many could not be taken out, because this process is out of descriptors.</param>
    /// <exception cref="SocketException">It is not a parcel.</exception>
    /// <exception cref="InvalidDataException">The list of what is in it cannot be read.</exception>
    public static IReadOnlyList<KeptConnection> Unpack(SafeHandle parcel, out int lost)
    {
        var records = ReadList(parcel);
        var sockets = CollectionsMarshal.AsSpan(ReadSockets(parcel));
        var connections = new List<KeptConnection>(records.Length);
        foreach (var record in records)
        {
            if (sockets.Length < record.Sockets)
            {
                break;
            }

            connections.Add(record.ToConnection(sockets[..record.Sockets]));
            sockets = sockets[record.Sockets..];
        }

        lost = records.Length - connections.Count;
        return connections;
    }

    private static IEnumerable<int> SocketsOf(KeptConnection connection) =>
        connection.Relay is { } relay ? [connection.ClientSocket.Number, relay.BackendSocket.Number] : [connection.ClientSocket.Number];

    private static Descriptor WriteList(KeptRecord[] records)
    {
        var list = new Descriptor(Checked(MemoryFile("sentinel.connections", MemoryCloseOnExec)));
        using var stream = new FileStream(new SafeFileHandle(list.Number, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        JsonSerializer.Serialize(stream, records, KeptRecords.Default.KeptRecordArray);
        return list;
    }

    private static KeptRecord[] ReadList(SafeHandle parcel)
    {
        DescriptorMessage.Receive(parcel, stackalloc byte[1], out var descriptors);
        if (descriptors is not [var list])
        {
            throw new InvalidDataException("the list of connections is missing");
        }

        using var stream = new FileStream(new SafeFileHandle(list, ownsHandle: true), FileAccess.Read, bufferSize: 0);
        stream.Position = 0; // where the writer left it: it is the same open file
        try
        {
            return JsonSerializer.Deserialize(stream, KeptRecords.Default.KeptRecordArray) ?? [];
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("the list of connections cannot be read", e);
        }
    }

    private static List<int> ReadSockets(SafeHandle parcel)
    {
        var sockets = new List<int>();
        try
        {
            Span<byte> one = stackalloc byte[1];
            while (DescriptorMessage.Receive(parcel, one, out var descriptors) > 0)
            {
                sockets.AddRange(descriptors);
            }
        }
        catch (SocketException)
        {
            // out of descriptors: what came before is good
        }

        return sockets;
    }

    private static unsafe (Descriptor Inside, Descriptor Outside) Pair()
    {
        var pair = stackalloc int[2];
        Checked(SocketPair(UnixFamily, SequencedPackets | CloseOnExec | NonBlock, 0, pair));
        return (new(pair[0]), new(pair[1]));
    }

    private static int Checked(int result) => result >= 0 ? result : throw new SocketException(); // of the last P/Invoke's error

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static unsafe partial int SocketPair(int family, int type, int protocol, int* pair);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemoryFile(string name, uint flags);
}
