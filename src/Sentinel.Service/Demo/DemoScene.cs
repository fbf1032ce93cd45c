using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Demo;

/// <summary>Everything a demo needs, in a folder of its own that goes when it ends.</summary>
internal sealed class DemoScene : IDisposable
{
    private static readonly JsonSerializerOptions Layout = new() { WriteIndented = true };
    private static readonly string[] Names = ["spot-1", "spot-2"];

    private readonly DirectoryInfo _folder;

    private DemoScene(DirectoryInfo folder, DemoNetwork network, DemoSsh? ssh) => (_folder, Network, Ssh) = (folder, network, ssh);

    public DemoNetwork Network { get; }

    /// <summary>Null where OpenSSH's server is not installed.</summary>
    public DemoSsh? Ssh { get; }

    /// <summary>A real configuration: <c>sentinel status --config</c> finds the demo by it.</summary>
    public string ConfigurationFile => Path.Combine(_folder.FullName, "demo.json");

    public string LogFile => Path.Combine(_folder.FullName, "demo.log");

    public static async Task<DemoScene> SetAsync(DemoSettings settings, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("sentinel-demo-");
        try
        {
            var network = DemoNetwork.Find();
            var scene = new DemoScene(folder, network, await DemoSsh.PrepareAsync(folder.FullName, network.Ssh, cancellationToken).ConfigureAwait(false));
            await File.WriteAllTextAsync(scene.ConfigurationFile, scene.Configuration(settings).ToJsonString(Layout), cancellationToken).ConfigureAwait(false);
            return scene;
        }
        catch
        {
            folder.Delete(recursive: true);
            throw;
        }
    }

    /// <summary>The process that a VM's other processes follow into death; null while it is down.</summary>
    public int? ProcessOf(string backend) =>
        File.Exists(PidFile(backend)) && int.TryParse(File.ReadAllText(PidFile(backend)), out var id) ? id : null;

    /// <summary>Reads the configuration as <c>sentinel run</c> would, but for overrides that are meant for another daemon.</summary>
    public ConfigurationSource Source() => new(ConfigurationFile, ConfigurationEnvironment.Current with
    {
        Variables = ConfigurationEnvironment.Current.Variables
            .Where(variable => !variable.Key.StartsWith("SENTINEL_", StringComparison.OrdinalIgnoreCase))
            .ToDictionary(StringComparer.Ordinal),
    });

    public void Dispose()
    {
        try
        {
            _folder.Delete(recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Cli.Terminal.Complain($"{_folder.FullName} could not be deleted: {e.Message}");
        }
    }

    private JsonObject Configuration(DemoSettings settings)
    {
        var backends = new JsonObject();
        foreach (var (index, name) in Names.Index())
        {
            backends[name] = new JsonObject
            {
                ["instance"] = $"process/{name}",
                ["address"] = Network.Vms[index].ToString(),
                ["command"] = Words(Command(name, Network.Vms[index], settings.Boot)),
                ["health"] = new JsonObject { ["kind"] = "http", ["port"] = Network.VmHttpPort, ["interval"] = "1s" },
                ["priority"] = index,
            };
        }

        var listeners = new JsonObject { ["http"] = Listener(Network.Http, "http", Network.VmHttpPort) };
        if (Ssh is not null)
        {
            listeners["ssh"] = Listener(Network.Ssh, "tcp", Network.VmSshPort);
        }

        return new JsonObject
        {
            ["name"] = "demo",
            ["stateDirectory"] = Path.Combine(_folder.FullName, "state"),
            ["admin"] = new JsonObject { ["bind"] = Network.Admin.ToString() },
            ["telemetry"] = new JsonObject { ["logs"] = "text" },
            ["backends"] = backends,
            ["pools"] = new JsonObject { ["vms"] = new JsonObject { ["backends"] = Words(Names), ["failbackAfter"] = "10s" } },
            ["listeners"] = listeners,

            // Nobody's VM is as unlucky as one in a demo.
            ["recovery"] = new JsonObject { ["backoff"] = new JsonObject { ["initial"] = "1s" }, ["flap"] = new JsonObject { ["count"] = 1000 } },
        };
    }

    private static JsonObject Listener(IPEndPoint bind, string protocol, int port) => new()
    {
        ["bind"] = Words([bind.ToString()]),
        ["protocol"] = protocol,
        ["pool"] = "vms",
        ["port"] = port,
        ["hold"] = "60s",
        ["drain"] = "1s",

        // What any shell has descriptors for.
        ["maxConnections"] = 200,
    };

    private IEnumerable<string> Command(string name, IPAddress address, TimeSpan boot)
    {
        // Started as "dotnet sentinel.dll" the runtime is the program and we are its first argument.
        var program = Environment.ProcessPath!;
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Path.Combine(AppContext.BaseDirectory, $"{typeof(DemoScene).Assembly.GetName().Name}.dll")] : [program];
        return self.Concat(DemoVmCommand.Arguments(new DemoVmSettings
        {
            Name = name,
            Http = new(address, Network.VmHttpPort),
            Ssh = new(address, Network.VmSshPort),
            Boot = boot,
            PidFile = PidFile(name),
            Owner = Environment.ProcessId,
            Server = Ssh?.Server,
            ServerConfiguration = Ssh?.ServerConfiguration,
        }));
    }

    private string PidFile(string name) => Path.Combine(_folder.FullName, $"{name}.pid");

    private static JsonArray Words(IEnumerable<string> words) => [.. words.Select(word => (JsonNode)word)];
}
