using System.Diagnostics;
using System.Globalization;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Systemd;

/// <summary>
/// A Debian with a real systemd and a loopback network of its own, booted for one test and gone with it. The daemon
/// that is tried is at <see cref="Program"/>.
/// </summary>
internal sealed class Container : IAsyncDisposable
{
    /// <summary>Where the container has the folder that the daemon is in. Read-only.</summary>
    public const string Programs = "/usr/lib/sentinel";

    /// <summary>The daemon.</summary>
    public const string Program = Programs + "/sentinel";

    private static int _next;
    private readonly Process _script;
    private readonly Task<string> _errors;
    private readonly string _leader;

    private Container(Process script, Task<string> errors, string leader) => (_script, _errors, _leader) = (script, errors, leader);

    /// <summary>Its files, as the test sees them.</summary>
    public string Root => $"/proc/{_leader}/root";

    /// <summary>Boots, which takes about a second once the system has been built (45 s).</summary>
    /// <param name="folders">Folders of this machine, and where the container has them, read-only.</param>
    public static async Task<Container> BootAsync(params (string Here, string There)[] folders)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"sys-{Environment.ProcessId}-{Interlocked.Increment(ref _next)}");
        var runtime = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "../../.."));
        var script = Shell.Start(
            Path.Combine(Repository, "eng/systemd-container"),
            [name, .. folders.Append((DaemonProgram.Folder, Programs)).Append((runtime, "/usr/share/dotnet")).Select(folder => $"--bind-ro={folder.Item1}:{folder.Item2}")]);
        var errors = script.StandardError.ReadToEndAsync();
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(5), TimeProvider.System);
        var leader = await script.StandardOutput.ReadLineAsync(deadline.Token);
        if (leader is null)
        {
            throw new InvalidOperationException($"The container did not start: {await errors}");
        }

        var container = new Container(script, errors, leader);
        try
        {
            await Eventually.TrueAsync(async () => (await container.RunAsync("systemctl", "is-system-running", "--wait")).Output is "running\n" or "degraded\n");
            return container;
        }
        catch
        {
            await container.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a program of the container in the container, as root.</summary>
    public Task<Shell.Result> RunAsync(params string[] command) =>
        Shell.RunAsync("nsenter", ["-t", _leader, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--", .. command]);

    /// <summary>Runs a shell line in the container; it must succeed.</summary>
    public async Task<string> ShellAsync(string line) => (await RunAsync("bash", "-c", line)).Ok();

    /// <summary>Starts a program of this machine, with its files, in the network of the container.</summary>
    public Process StartInNetwork(params string[] command) => Shell.Start("nsenter", ["-t", _leader, "-n", "--", .. command]);

    /// <summary>Runs a program of this machine, with its files, in the network of the container.</summary>
    public Task<Shell.Result> RunInNetworkAsync(params string[] command) => Shell.RunAsync("nsenter", ["-t", _leader, "-n", "--", .. command]);

    /// <summary>Writes a file of the container.</summary>
    public void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Root + path)!);
        File.WriteAllText(Root + path, text);
    }

    /// <summary>One property of a unit, as <c>systemctl show</c> has it.</summary>
    public async Task<string> PropertyAsync(string property, string unit = "sentinel.service") =>
        (await RunAsync("systemctl", "show", "--value", "--property", property, unit)).Ok().TrimEnd('\n');

    /// <summary>The id, as this machine counts, of the unit's main process.</summary>
    public async Task<int> MainProcessAsync(string unit = "sentinel.service")
    {
        var inside = await PropertyAsync("MainPID", unit);
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            // The last number of NSpid is the id in the innermost namespace.
            if (int.TryParse(Path.GetFileName(folder), out var id) && IsHere(id)
                && NamespaceIds(id) is [_, .., var innermost] && innermost == inside)
            {
                return id;
            }
        }

        throw new InvalidOperationException($"no process {inside} in the container");
    }

    /// <summary>What the journal has of a unit, oldest first: lines in systemd's JSON form.</summary>
    public async Task<string[]> JournalAsync(string unit = "sentinel.service") =>
        (await RunAsync("journalctl", "--no-pager", "-o", "json", "-u", unit)).Ok().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The journal's messages, for a test's failure.</summary>
    public async Task<string> TextAsync(string unit = "sentinel.service") =>
        (await RunAsync("journalctl", "--no-pager", "-o", "short-precise", "-u", unit)).Output;

    public async ValueTask DisposeAsync()
    {
        _script.StandardInput.Close(); // the script takes everything down at the end of its input
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(1), TimeProvider.System);
        await _script.WaitForExitAsync(deadline.Token);
        await _errors;
        _script.Dispose();
    }

    private bool IsHere(int process)
    {
        try
        {
            return new FileInfo($"/proc/{process}/ns/pid").LinkTarget == new FileInfo($"/proc/{_leader}/ns/pid").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // ended meanwhile
        }
    }

    private static string[] NamespaceIds(int process)
    {
        try
        {
            return File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("NSpid:", StringComparison.Ordinal)).Split('\t')[1..];
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return [];
        }
    }

    public static string Repository
    {
        get
        {
            var folder = AppContext.BaseDirectory;
            while (!File.Exists(Path.Combine(folder, "Sentinel.sln")))
            {
                folder = Path.GetDirectoryName(folder.TrimEnd('/')) ?? throw new InvalidOperationException("not below the repository");
            }

            return folder;
        }
    }
}
