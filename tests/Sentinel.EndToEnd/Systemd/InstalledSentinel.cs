using System.Text.Json;
using System.Text.Json.Nodes;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Systemd;

/// <summary>The daemon under the project's own unit, in a container of its own.</summary>
internal sealed class InstalledSentinel : IAsyncDisposable
{
    public const string Unit = "sentinel.service";
    public const string Configuration = "/etc/sentinel/sentinel.json";

    private const string OtherPrograms = "/usr/lib/sentinel-before";

    private readonly List<Traffic> _traffic = [];

    private InstalledSentinel(Container container) => Container = container;

    public Container Container { get; }

    /// <summary>Boots a container and installs; starts nothing.</summary>
    /// <param name="version">The folder of another version, which is installed instead.</param>
    /// <param name="more">What else of this machine the container has, and where, read-only.</param>
    public static async Task<InstalledSentinel> CreateAsync(object configuration, string? version = null, params (string Here, string There)[] more)
    {
        var sentinel = new InstalledSentinel(await Container.BootAsync([.. more, .. version is null ? [] : new[] { (version, OtherPrograms) }]));
        sentinel.Container.Write("/etc/systemd/system/" + Unit, await File.ReadAllTextAsync(UnitFile));
        if (version is null && DaemonProgram.IsNative)
        {
            sentinel.Container.Write("/etc/systemd/system/sentinel.service.d/native.conf", await File.ReadAllTextAsync(UnitFile + ".d/native.conf"));
        }

        sentinel.Configure(configuration);
        await sentinel.InstallAsync(version is null ? Container.Programs : OtherPrograms);
        await sentinel.Container.ShellAsync("systemctl daemon-reload");
        return sentinel;
    }

    /// <summary>Makes the next start one of the version that this folder of the container has.</summary>
    public Task InstallAsync(string programs) => Container.ShellAsync($"ln -sfn {programs}/sentinel /usr/local/bin/sentinel");

    /// <summary>Boots, installs, starts, and waits for the first backend.</summary>
    public static async Task<InstalledSentinel> ServingAsync(object configuration, string? version = null)
    {
        var sentinel = await CreateAsync(configuration, version);
        await sentinel.SystemctlAsync("start");
        return sentinel;
    }

    public static string UnitFile => Path.Combine(Container.Repository, "packaging/systemd", Unit);

    /// <summary>Builds the daemon once more, under another version number.</summary>
    /// <returns>The folder it is in.</returns>
    public static async Task<string> PublishAsync(string version)
    {
        var folder = Path.Combine(Container.Repository, "artifacts", version);
        (await Shell.RunAsync(
            "dotnet", "publish", Path.Combine(Container.Repository, "src/Sentinel.Service"), "--configuration", "Release", "--nologo", "-nodeReuse:false",
            $"-p:Version={version}", "-p:RunAnalyzers=false", "--artifacts-path", Path.Combine(folder, "build"), "--output", Path.Combine(folder, "publish"))).Ok();
        return Path.Combine(folder, "publish");
    }

    /// <summary>A layer-4 listener in front of an echo server of the test, which is watched and never started.</summary>
    public static object Relay(string engine = "auto", string listen = "127.0.0.1:22", string health = "1s") => new
    {
        backends = new { one = new { address = "127.0.0.1", health = new { kind = "tcp", port = 7, interval = health } } },
        pools = new { echo = new { backends = new[] { "one" } } },
        listeners = new { echo = new { bind = new[] { listen }, protocol = "tcp", pool = "echo", port = 7, hold = "60s", engine } },
    };

    public void Configure(object configuration) =>
        Container.Write(Configuration, configuration as string ?? JsonSerializer.Serialize(configuration));

    /// <summary><c>systemctl VERB sentinel</c>, which must succeed.</summary>
    public async Task SystemctlAsync(string verb)
    {
        var result = await Container.RunAsync("systemctl", verb, Unit);
        if (result.Status != 0)
        {
            throw new InvalidOperationException($"systemctl {verb}: {result.Error}{await Container.TextAsync()}");
        }
    }

    public async Task UntilAsync(string backend, string state)
    {
        try
        {
            await Eventually.TrueAsync(
                async () => (await StatusAsync())?["backends"]!.AsArray().Any(one => (string?)one!["name"] == backend && (string?)one["state"] == state) ?? false,
                TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{backend} is not {state}: {await StatusAsync()} {await Container.TextAsync()}", e);
        }
    }

    /// <summary>Null while it does not answer.</summary>
    public async Task<JsonNode?> StatusAsync()
    {
        var result = await Container.RunInNetworkAsync("curl", "-sS", "--max-time", "5", "http://127.0.0.1:8888/status");
        return result.Status == 0 ? JsonNode.Parse(result.Output) : null;
    }

    /// <summary>What the daemon itself logged: the lines that are JSON, with the priority that the journal gave them.</summary>
    public async Task<(JsonNode Line, string Priority)[]> LogAsync() =>
    [
        .. from line in await Container.JournalAsync()
           let entry = JsonNode.Parse(line)!
           where entry["MESSAGE"] is JsonValue message && message.ToString().StartsWith('{')
           select (JsonNode.Parse(entry["MESSAGE"]!.ToString())!, entry["PRIORITY"]!.ToString()),
    ];

    /// <summary>Starts a program of this machine in the container's network, to the end of the test.</summary>
    public void Start(params string[] command) => _traffic.Add(new(Container.StartInNetwork(command)));

    /// <summary>Starts a test program in the container's network and waits until it is ready.</summary>
    public async Task<Traffic> StartAsync(params string[] command)
    {
        var traffic = new Traffic(Container.StartInNetwork(["dotnet", Sandbox.VmProgram, .. command]));
        _traffic.Add(traffic);
        await traffic.ReadyAsync();
        return traffic;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var traffic in _traffic)
        {
            await traffic.DisposeAsync();
        }

        await Container.DisposeAsync();
    }
}
