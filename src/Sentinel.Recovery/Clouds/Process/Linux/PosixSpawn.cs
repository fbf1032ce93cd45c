using System.Runtime.InteropServices;

namespace Sentinel.Recovery.Clouds.Process.Linux;

/// <summary>
/// Starts a process in a session of its own, so that neither the terminal's Ctrl-C nor the end of the daemon reaches it;
/// with every signal as at login, since .NET ignores SIGPIPE and children inherit that; with nothing of the daemon's open.
/// .NET's own Process offers none of this.
/// </summary>
internal static unsafe class PosixSpawn
{
    // Both are opaque: 336 and 80 bytes in glibc, no more than that in musl.
    private const int OpaqueSize = 1024;
    private const int SignalSetSize = 128;

    /// <returns>Zero and the process, or an errno.</returns>
    public static int Run(string program, SpawnOrder order, out int pid)
    {
        var actions = stackalloc byte[OpaqueSize];
        var attributes = stackalloc byte[OpaqueSize];
        var signals = stackalloc byte[SignalSetSize];
        pid = 0;
        Check(Libc.ActionsInit(actions));
        Check(Libc.AttributesInit(attributes));
        try
        {
            if (order.Settings.WorkingDirectory is { } directory)
            {
                Check(Libc.ActionsAddDirectory(actions, directory));
            }

            Check(Libc.ActionsAddOpen(actions, 0, "/dev/null", Libc.ReadOnly, 0));
            Check(Libc.ActionsAddOpen(actions, 1, order.Log, Libc.AppendOrCreate, 0b110_000_000));
            Check(Libc.ActionsAddDup(actions, 1, 2));
            CloseTheRest(actions);

            Check(Libc.AttributesSetFlags(attributes, Libc.SpawnSetSid | Libc.SpawnSetSigMask | Libc.SpawnSetSigDefault));
            Check(Libc.SigEmptySet(signals));
            Check(Libc.AttributesSetSigMask(attributes, signals));
            Check(Libc.SigFillSet(signals));
            Check(Libc.AttributesSetSigDefault(attributes, signals));

            using var arguments = new NativeStrings(order.Settings.Command);
            using var environment = new NativeStrings(order.Environment.Select(variable => $"{variable.Key}={variable.Value}"));
            using var path = new NativeStrings([program]);
            int started;
            var error = Libc.PosixSpawn(&started, path.First, actions, attributes, arguments.All, environment.All);
            pid = started;
            return error;
        }
        finally
        {
            _ = Libc.AttributesDestroy(attributes);
            _ = Libc.ActionsDestroy(actions);
        }
    }

    private static void CloseTheRest(byte* actions)
    {
        try
        {
            Check(Libc.ActionsAddCloseFrom(actions, 3));
        }
        catch (EntryPointNotFoundException)
        {
            // What .NET opens is closed on exec anyway; this is for what others opened in this process.
        }
    }

    private static void Check(int error)
    {
        if (error != 0)
        {
            throw new IOException(Marshal.GetPInvokeErrorMessage(error));
        }
    }

    /// <summary>A null-terminated array of null-terminated strings.</summary>
    private sealed class NativeStrings : IDisposable
    {
        private readonly nint[] _strings;
        private readonly nint _array;

        public NativeStrings(IEnumerable<string> strings)
        {
            _strings = [.. strings.Select(Marshal.StringToCoTaskMemUTF8)];
            _array = Marshal.AllocCoTaskMem((_strings.Length + 1) * sizeof(nint));
            Marshal.Copy([.. _strings, 0], 0, _array, _strings.Length + 1);
        }

        public byte** All => (byte**)_array;

        public byte* First => (byte*)_strings[0];

        public void Dispose()
        {
            Array.ForEach(_strings, Marshal.FreeCoTaskMem);
            Marshal.FreeCoTaskMem(_array);
        }
    }
}
