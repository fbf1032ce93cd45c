using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sentinel.EndToEnd.Harness;

/// <summary>One test's own folder and its own loopback network, gone with the test.</summary>
internal sealed class Sandbox : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private static int _next;
    private readonly string _network = $"127.{100 + (Environment.ProcessId % 100)}.{Interlocked.Increment(ref _next)}";
    private readonly List<SentinelProcess> _daemons = [];

    public Sandbox()
    {
        // Not below /tmp: sshd refuses key files below a folder that everyone may write.
        Folder = Directory.CreateTempSubdirectory("sentinel-e2e-").FullName;
        State = Path.Combine(Folder, "state");
    }

    public string Folder { get; }

    public string State { get; }

    /// <summary>The address that the listeners of the test's sentinel use.</summary>
    public string Front => Address(1);

    public static string VmProgram { get; } = Path.Combine(AppContext.BaseDirectory, "Sentinel.Testing.dll");

    public string Address(int host) => $"{_network}.{host}";

    public string PathOf(string name) => Path.Combine(Folder, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text);
        return PathOf(name);
    }

    /// <summary>Writes the sentinel's file, whole, with what every sentinel here needs.</summary>
    public string Configure(object configuration)
    {
        var document = JsonSerializer.SerializeToNode(configuration)!.AsObject();
        document["name"] ??= "front";
        document["stateDirectory"] ??= State;
        document["admin"] ??= new JsonObject { ["bind"] = $"{Front}:8888" };
        var file = PathOf("sentinel.json");
        File.WriteAllText(file + ".new", document.ToJsonString(Indented));
        File.Move(file + ".new", file, overwrite: true);
        return file;
    }

    /// <summary>Starts a sentinel and waits until it is ready to accept.</summary>
    public async Task<SentinelProcess> StartAsync(object configuration, Surroundings? surroundings = null)
    {
        var daemon = Launch(configuration, surroundings);
        await daemon.ReadyAsync();
        return daemon;
    }

    /// <summary>Starts a sentinel and waits for nothing.</summary>
    public SentinelProcess Launch(object configuration, Surroundings? surroundings = null)
    {
        var daemon = new SentinelProcess(this, configuration, surroundings);
        _daemons.Add(daemon);
        return daemon;
    }

    /// <summary>The command of a web server that stands for a VM.</summary>
    public string[] WebVm(string name, string address, params string[] more) =>
        [Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "/usr/bin/dotnet",
            VmProgram, "vm", "--name", name, "--address", address, "--journal", PathOf("journal"), .. more];

    /// <summary>The ids of all processes whose command line has <paramref name="text"/>.</summary>
    public static int[] ProcessesWith(string text)
    {
        var found = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var id) || id == Environment.ProcessId)
            {
                continue;
            }

            try
            {
                if (File.ReadAllText($"{folder}/cmdline").Replace('\0', ' ').Contains(text, StringComparison.Ordinal))
                {
                    found.Add(id);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // ended meanwhile
            }
        }

        return [.. found];
    }

    /// <summary>Kills all processes whose command line has <paramref name="text"/>.</summary>
    public static void KillWith(string text)
    {
        foreach (var id in ProcessesWith(text))
        {
            try
            {
                Process.GetProcessById(id).Kill();
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                // ended meanwhile
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var daemon in _daemons)
        {
            await daemon.DisposeAsync();
        }

        // Whatever still carries this sandbox's folder or addresses in its command line was started for it.
        KillWith(Folder);
        KillWith(_network + ".");

        Directory.Delete(Folder, recursive: true);
    }
}
