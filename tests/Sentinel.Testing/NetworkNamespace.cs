using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Sentinel.Testing;

/// <summary>
/// A network of a test's own: interfaces, routes, firewall and all. Needs root and the program <c>ip</c>. Sockets stay in
/// the namespace of the thread that made them, so a test can hold both ends of a wire in one process.
/// </summary>
public sealed partial class NetworkNamespace : IDisposable
{
    private const int NewNetwork = 0x40000000;

    private static int _last;

    /// <param name="prefix">Begins its name, for people.</param>
    public NetworkNamespace(string prefix)
    {
        Name = string.Create(CultureInfo.InvariantCulture, $"{prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref _last)}");
        Run("ip", "netns", "add", Name);
        Do("ip", "link", "set", "lo", "up");
    }

    /// <summary>As <c>ip netns</c> lists it.</summary>
    public string Name { get; }

    /// <summary>Lays a wire to another namespace.</summary>
    /// <param name="mine">Addresses of this end, with their prefix length.</param>
    /// <param name="theirs">Addresses of the other end.</param>
    public void Connect(NetworkNamespace other, string[] mine, string[] theirs)
    {
        var (near, far) = ($"to{other.Name.Split('-')[^1]}", $"to{Name.Split('-')[^1]}");
        Run("ip", "link", "add", near, "netns", Name, "type", "veth", "peer", "name", far, "netns", other.Name);
        foreach (var (end, link, addresses) in new[] { (this, near, mine), (other, far, theirs) })
        {
            foreach (var address in addresses)
            {
                // nodad: an IPv6 address that is being checked for duplicates cannot be bound yet
                string[] checkless = address.Contains(':', StringComparison.Ordinal) ? ["nodad"] : [];
                end.Do(["ip", "address", "add", address, "dev", link, .. checkless]);
            }

            end.Do("ip", "link", "set", link, "up");
        }
    }

    /// <summary>Runs a program here and returns what it wrote.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message quotes it.</exception>
    public string Do(params string[] command) => Run(["ip", "netns", "exec", Name, .. command]);

    /// <summary>Runs a program here, gives it <paramref name="input"/>, and returns what it wrote.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message quotes it.</exception>
    public string Feed(string input, params string[] command) => Run(input, ["ip", "netns", "exec", Name, .. command]);

    /// <summary>Starts a program here, its standard streams redirected. Its process id is the one that is returned: <c>ip netns exec</c> becomes it.</summary>
    public Process Start(params string[] command) => Begin(["ip", "netns", "exec", Name, .. command]);

    /// <summary>Calls something here, on a thread of its own: sockets that it makes stay here.</summary>
    public T Inside<T>(Func<T> make)
    {
        T? made = default;
        ExceptionDispatchInfo? thrown = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var here = File.OpenHandle($"/run/netns/{Name}");
                if (SetNamespace((int)here.DangerousGetHandle(), NewNetwork) != 0)
                {
                    throw new InvalidOperationException($"setns: errno {Marshal.GetLastPInvokeError()}");
                }

                made = make();
            }
            catch (Exception e)
            {
                thrown = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        thrown?.Throw();
        return made!;
    }

    /// <summary>The ids of all processes in it.</summary>
    public int[] Processes() =>
        [.. Run("ip", "netns", "pids", Name).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture))];

    /// <summary>Takes it off the list. It is gone when the last process and socket in it are.</summary>
    public void Dispose() => Run("ip", "netns", "del", Name);

    private static string Run(params string[] command) => Run("", command);

    private static string Run(string input, string[] command)
    {
        using var process = Begin(command);
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{string.Join(' ', command)}: {error.Result}");
    }

    private static Process Begin(string[] command)
    {
        var start = new ProcessStartInfo(Needs.Find(command[0]) ?? command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(int descriptor, int kind);
}
