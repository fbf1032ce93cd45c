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
    private const int SolSocket = 1;
    private const int SendBuffer = 7;

    /// <summary>Packs connections. Their descriptors stay open here until they are disposed.</summary>
    /// <returns>What is to be kept for the next process.</returns>
    /// <exception cref="SocketException">The system is out of descriptors, or more are under way than RLIMIT_NOFILE allows (unix(7), ETOOMANYREFS).</exception>
    /// <exception cref="IOException">No memory.</exception>
    public static Descriptor Pack(IReadOnlyList<KeptConnection> connections) =>
        Pack(new(KeptRecords.CurrentFormat, [.. connections.Select(KeptRecord.Of)]), connections.SelectMany(SocketsOf));

    internal static Descriptor Pack(KeptRecords records, IEnumerable<int> sockets)
    {
        using var list = WriteList(records);
        var (inside, outside) = Pair();
        using (inside)
        {
            try
            {
                DescriptorMessage.Send(inside, [0], [list.Number]);
                foreach (var some in sockets.Chunk(DescriptorMessage.MaxDescriptors))
                {
                    DescriptorMessage.Send(inside, [0], some);
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
    /// <exception cref="InvalidDataException">The list of what is in it cannot be read, or is of another format. The sockets are reset.</exception>
    public static IReadOnlyList<KeptConnection> Unpack(SafeHandle parcel, out int lost)
    {
        using var list = TakeList(parcel);
        var sockets = TakeSockets(parcel);
        var used = 0;
        try
        {
            var connections = new List<KeptConnection>();
            var records = ReadList(list);
            foreach (var record in records)
            {
                if (sockets.Count - used < record.Sockets)
                {
                    break;
                }

                connections.Add(record.ToConnection(CollectionsMarshal.AsSpan(sockets).Slice(used, record.Sockets)));
                used += record.Sockets;
            }

            lost = records.Length - connections.Count;
            return connections;
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            used = 0;
            throw new InvalidDataException("the list of connections cannot be read", e);
        }
        catch
        {
            used = 0;
            throw;
        }
        finally
        {
            // Whoever is at the other end would wait for ever, or take an orderly end for a complete stream.
            foreach (var socket in sockets[used..])
            {
                new Descriptor(socket).Reset();
            }
        }
    }

    private static IEnumerable<int> SocketsOf(KeptConnection connection) =>
        connection.Relay is { } relay ? [connection.ClientSocket.Number, relay.BackendSocket.Number] : [connection.ClientSocket.Number];

    private static Descriptor WriteList(KeptRecords records)
    {
        var list = new Descriptor(Checked(MemoryFile("sentinel.connections", MemoryCloseOnExec)));
        using var stream = new FileStream(new SafeFileHandle(list.Number, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        JsonSerializer.Serialize(stream, records, KeptRecordsJson.Default.KeptRecords);
        return list;
    }

    private static Descriptor TakeList(SafeHandle parcel)
    {
        DescriptorMessage.Receive(parcel, stackalloc byte[1], out var descriptors);
        if (descriptors is [var list])
        {
            return new(list);
        }

        foreach (var descriptor in descriptors)
        {
            new Descriptor(descriptor).Dispose();
        }

        throw new InvalidDataException("the list of connections is missing");
    }

    private static KeptRecord[] ReadList(Descriptor list)
    {
        using var stream = new FileStream(new SafeFileHandle(list.Number, ownsHandle: false), FileAccess.Read, bufferSize: 0);
        stream.Position = 0; // where the writer left it: it is the same open file
        var records = JsonSerializer.Deserialize(stream, KeptRecordsJson.Default.KeptRecords);
        return records is { Format: KeptRecords.CurrentFormat, Connections: { } connections }
            ? connections
            : throw new InvalidDataException($"the list of connections has format {records?.Format}; this version reads {KeptRecords.CurrentFormat}");
    }

    private static List<int> TakeSockets(SafeHandle parcel)
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
        (Descriptor Inside, Descriptor Outside) ends = (new(pair[0]), new(pair[1]));

        // As it is, 35,000 connections fit in; the system gives more than twice that (net.core.wmem_max, socket(7)).
        var room = int.MaxValue / 2;
        _ = SetSocketOption(ends.Inside, SolSocket, SendBuffer, &room, sizeof(int));
        return ends;
    }

    private static int Checked(int result) => result >= 0 ? result : throw new SocketException(); // of the last P/Invoke's error

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static unsafe partial int SocketPair(int family, int type, int protocol, int* pair);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static unsafe partial int SetSocketOption(SafeHandle socket, int level, int option, int* value, uint length);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemoryFile(string name, uint flags);
}
