using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Sentinel.Forwarding.HandOver;

/// <summary>
/// All live relays in one descriptor: a Unix socket in whose queue lie a file in memory that says what is there, and
/// then the sockets, in the order of that file. One descriptor, because the service manager compares each that it is
/// given with all it has, and because the names of 20,000 would not fit into the next process's environment.
/// </summary>
[SupportedOSPlatform("linux")]
internal static partial class RelayParcel
{
    /// <summary>Its name among the descriptors passed to a process.</summary>
    public const string Name = "sentinel.relays";

    private const int UnixFamily = 1;
    private const int SequencedPackets = 5;
    private const int CloseOnExec = 0x80000;
    private const int NonBlock = 0x800;
    private const int MemoryCloseOnExec = 1;

    private const int RelaysPerMessage = DescriptorMessage.MaxDescriptors / 2;

    /// <summary>Packs relays. Their sockets stay open here until they are disposed.</summary>
    /// <returns>To be kept for the next process.</returns>
    /// <exception cref="SocketException">The system is out of descriptors, or more are under way than RLIMIT_NOFILE allows (unix(7), ETOOMANYREFS).</exception>
    /// <exception cref="IOException">No memory.</exception>
    public static SafeHandle Pack(IReadOnlyList<KeptRelay> relays)
    {
        using var list = new SafeFileHandle(Checked(MemoryFile("sentinel.relays", MemoryCloseOnExec)), ownsHandle: true);
        using (var stream = new FileStream(new SafeFileHandle(list.DangerousGetHandle(), ownsHandle: false), FileAccess.ReadWrite, bufferSize: 0))
        {
            JsonSerializer.Serialize(stream, [.. relays.Select(RelayRecord.Of)], RelayRecords.Default.RelayRecordArray);
            stream.Flush();
        }

        var (inside, outside) = Pair();
        using (inside)
        {
            try
            {
                DescriptorMessage.Send(inside, [0], [(int)list.DangerousGetHandle()]);
                Span<int> descriptors = stackalloc int[RelaysPerMessage * 2];
                for (var first = 0; first < relays.Count; first += RelaysPerMessage)
                {
                    var count = Math.Min(RelaysPerMessage, relays.Count - first);
                    for (var i = 0; i < count; i++)
                    {
                        descriptors[2 * i] = (int)relays[first + i].ClientSocket.DangerousGetHandle();
                        descriptors[(2 * i) + 1] = (int)relays[first + i].BackendSocket.DangerousGetHandle();
                    }

                    DescriptorMessage.Send(inside, [0], descriptors[..(2 * count)]);
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
    public static IReadOnlyList<KeptRelay> Unpack(SafeHandle parcel, out int lost)
    {
        var records = ReadList(parcel);
        var relays = new List<KeptRelay>(records.Length);
        foreach (var (client, backend) in Sockets(parcel).Take(records.Length))
        {
            relays.Add(records[relays.Count].ToRelay(client, backend));
        }

        lost = records.Length - relays.Count;
        return relays;
    }

    private static RelayRecord[] ReadList(SafeHandle parcel)
    {
        DescriptorMessage.Receive(parcel, stackalloc byte[1], out var descriptors);
        if (descriptors is not [var list])
        {
            throw new InvalidDataException("the list of relays is missing");
        }

        using var file = new FileStream(new SafeFileHandle(list, ownsHandle: true), FileAccess.Read, bufferSize: 0);
        file.Position = 0; // where the writer left it: it is the same open file
        try
        {
            return JsonSerializer.Deserialize(file, RelayRecords.Default.RelayRecordArray) ?? [];
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("the list of relays cannot be read", e);
        }
    }

    private static IEnumerable<(SafeSocketHandle Client, SafeSocketHandle Backend)> Sockets(SafeHandle parcel)
    {
        while (TryReceive(parcel, out var descriptors))
        {
            for (var i = 0; i + 1 < descriptors.Length; i += 2)
            {
                yield return (new(descriptors[i], ownsHandle: true), new(descriptors[i + 1], ownsHandle: true));
            }
        }
    }

    private static bool TryReceive(SafeHandle parcel, out int[] descriptors)
    {
        try
        {
            return DescriptorMessage.Receive(parcel, stackalloc byte[1], out descriptors) > 0;
        }
        catch (SocketException)
        {
            descriptors = [];
            return false;
        }
    }

    private static unsafe (SafeHandle Inside, SafeHandle Outside) Pair()
    {
        var pair = stackalloc int[2];
        Checked(SocketPair(UnixFamily, SequencedPackets | CloseOnExec | NonBlock, 0, pair));
        return (new SafeSocketHandle(pair[0], ownsHandle: true), new SafeSocketHandle(pair[1], ownsHandle: true));
    }

    private static int Checked(int result) => result >= 0 ? result : throw new SocketException(); // of the last P/Invoke's error

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static unsafe partial int SocketPair(int family, int type, int protocol, int* pair);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemoryFile(string name, uint flags);
}
