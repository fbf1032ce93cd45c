using System.Collections.Immutable;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Sentinel.Forwarding.HandOver;

namespace Sentinel.Forwarding.Listeners;

/// <summary>
/// The sockets that the service manager opened for this process, by name (sd_listen_fds(3)). They stay open as long as
/// the process lives, used or not: a listener may come back for its socket.
/// </summary>
public sealed partial class PassedSockets
{
    private const int FirstDescriptor = 3;

    private readonly ImmutableDictionary<string, ImmutableArray<int>> _descriptors;
    private readonly Dictionary<string, ImmutableArray<Socket>> _sockets = [];
    private readonly HashSet<string> _taken = [];

    /// <param name="descriptors">Descriptors of listening sockets by name; several under one name are served alike.</param>
    internal PassedSockets(ImmutableDictionary<string, ImmutableArray<int>> descriptors) => _descriptors = descriptors;

    /// <summary>No sockets.</summary>
    public static PassedSockets None { get; } = new(ImmutableDictionary<string, ImmutableArray<int>>.Empty);

    /// <summary>
    /// Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, and removes them, so that no child process takes the sockets for
    /// its own. Call once, at start.
    /// </summary>
    public static PassedSockets FromEnvironment()
    {
        var (pid, count, names) = (Take("LISTEN_PID"), Take("LISTEN_FDS"), Take("LISTEN_FDNAMES"));
        if (pid != Environment.ProcessId.ToString(CultureInfo.InvariantCulture) || !int.TryParse(count, CultureInfo.InvariantCulture, out var number))
        {
            return None;
        }

        for (var i = 0; i < number; i++)
        {
            CloseOnExec(FirstDescriptor + i);
        }

        return Named(number, names);
    }

    internal static PassedSockets Named(int count, string? names)
    {
        var list = string.IsNullOrEmpty(names) ? [] : names.Split(':');
        return new(Enumerable.Range(0, count)
            .GroupBy(i => i < list.Length ? list[i] : "unknown")
            .ToImmutableDictionary(group => group.Key, group => group.Select(i => FirstDescriptor + i).ToImmutableArray()));
    }

    /// <summary>The listening sockets of that name.</summary>
    /// <param name="error">A sentence for the administrator if there is none.</param>
    internal ImmutableArray<Socket> Find(string name, out string? error)
    {
        error = null;
        lock (_sockets)
        {
            if (_sockets.TryGetValue(name, out var sockets))
            {
                return sockets;
            }

            if (!_descriptors.TryGetValue(name, out var descriptors))
            {
                error = _descriptors.IsEmpty
                    ? $"no socket was passed to this process; it needs a .socket unit with FileDescriptorName={name} (systemd.socket(5))"
                    : $"no socket of that name was passed to this process; there are {string.Join(", ", _descriptors.Keys.Order())} (FileDescriptorName= in the .socket unit)";
                return [];
            }

            try
            {
                // Not owned: nothing may ever close them, lest a later descriptor of the same number be taken for one of them.
                sockets = [.. descriptors.Select(Open)];
            }
            catch (SocketException e)
            {
                error = $"the descriptor passed under that name is not a listening stream socket ({e.SocketErrorCode}); see ListenStream= and Accept=no in the .socket unit";
                return [];
            }

            _sockets[name] = sockets;
            return sockets;
        }
    }

    /// <summary>A listening socket for its new owner, once; null if none of that name and address was passed, or somebody has it.</summary>
    internal Socket? TakeListening(string name, Predicate<Socket> isIt)
    {
        lock (_sockets)
        {
            if (!_descriptors.TryGetValue(name, out var descriptors) || !_taken.Add(name))
            {
                return null;
            }

            Socket? found = null;
            foreach (var descriptor in descriptors)
            {
                if (found is null && IsListening(descriptor, isIt))
                {
                    found = new(new SafeSocketHandle(descriptor, ownsHandle: true));
                }
                else
                {
                    new Descriptor(descriptor).Dispose();
                }
            }

            return found;
        }
    }

    /// <summary>A descriptor for its new owner, once; null if none of that name was passed.</summary>
    internal Descriptor? TakeDescriptor(string name)
    {
        lock (_sockets)
        {
            return _descriptors.TryGetValue(name, out var descriptors) && _taken.Add(name) ? new(descriptors[0]) : null;
        }
    }

    /// <summary>Closes what nobody has taken, and tells the names.</summary>
    internal IReadOnlyList<string> CloseUntaken(string prefix)
    {
        lock (_sockets)
        {
            string[] names = [.. _descriptors.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal) && _taken.Add(name))];
            foreach (var descriptor in names.SelectMany(name => _descriptors[name]))
            {
                new Descriptor(descriptor).Dispose();
            }

            return names;
        }
    }

    private static bool IsListening(int descriptor, Predicate<Socket> isIt)
    {
        try
        {
            return isIt(Open(descriptor));
        }
        catch (SocketException)
        {
            return false;
        }
    }

    // Not owned: what turns out to be something else is for the caller to close, or nobody.
    private static Socket Open(int descriptor)
    {
        var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: false));
        if (socket.SocketType != SocketType.Stream
            || socket.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)
            || (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.AcceptConnection)! == 0)
        {
            throw new SocketException((int)SocketError.OperationNotSupported);
        }

        return socket;
    }

    private static void CloseOnExec(int descriptor)
    {
        const int SetFlags = 2;
        const int CloseOnExecFlag = 1;
        if (OperatingSystem.IsLinux())
        {
            _ = Fcntl(descriptor, SetFlags, CloseOnExecFlag);
        }
    }

    private static string? Take(string variable)
    {
        var value = Environment.GetEnvironmentVariable(variable);
        Environment.SetEnvironmentVariable(variable, null);
        return value;
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Fcntl(int descriptor, int command, int argument);
}
