using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace Sentinel.Testing.Acme;

/// <summary>What a test wants of its authority.</summary>
public sealed record PebbleOptions
{
    /// <summary>Of a hundred nonces, so many are refused.</summary>
    public int RefusedNonces { get; init; } = 50;

    /// <summary>How long certificates last.</summary>
    public TimeSpan Validity { get; init; } = TimeSpan.FromDays(90);

    /// <summary>Where all names lead that it validates.</summary>
    public string Target { get; init; } = "127.0.0.1";

    public int HttpPort { get; init; } = 5002;

    public int TlsPort { get; init; } = 5001;

    /// <summary>Keys in base64url of accounts that it knows, by id; it takes no others then. Null: anybody.</summary>
    public IReadOnlyDictionary<string, string>? ExternalKeys { get; init; }

    /// <summary>Further chains for every certificate.</summary>
    public int AlternateRoots { get; init; }
}

/// <summary>A real ACME authority for tests, and the DNS that it asks. Ports of its own; forgets everything at <see cref="RestartAsync"/>.</summary>
public sealed class Pebble : IAsyncDisposable
{
    private readonly string _folder;
    private readonly PebbleOptions _options;
    private readonly int[] _ports = FreePorts(4);
    private readonly HttpClient _http;
    private readonly List<string> _log = [];
    private Process? _names;
    private Process? _authority;

    private Pebble(string folder, PebbleOptions options)
    {
        (_folder, _options) = (folder, options);
        _http = new(new SocketsHttpHandler { UseProxy = false, SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null } });
    }

    public Uri Directory => new($"https://127.0.0.1:{_ports[0]}/dir");

    /// <summary>The root of its own TLS.</summary>
    public string CaFile => Path.Combine(_folder, "pebble-ca.pem");

    /// <summary>Where its DNS answers, over UDP and TCP.</summary>
    public IPEndPoint Dns => new(IPAddress.Loopback, _ports[2]);

    public string Log
    {
        get
        {
            lock (_log)
            {
                return string.Join('\n', _log);
            }
        }
    }

    public static async Task<Pebble> StartAsync(string folder, PebbleOptions? options = null)
    {
        System.IO.Directory.CreateDirectory(folder);
        var pebble = new Pebble(folder, options ?? new());
        TestAuthority.Write(folder, "pebble-ca.pem", "pebble.pem", "pebble.key", "127.0.0.1");
        pebble._names = pebble.Run(
            "pebble-challtestsrv", [], "-defaultIPv4", pebble._options.Target, "-defaultIPv6", "", "-dns01", $"127.0.0.1:{pebble._ports[2]}",
            "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", $"127.0.0.1:{pebble._ports[3]}");
        await pebble.BeginAsync();
        return pebble;
    }

    /// <summary>The root of what it issues; another one after each start.</summary>
    public async Task<string> RootAsync(int index = 0) => await _http.GetStringAsync(new Uri($"https://127.0.0.1:{_ports[1]}/roots/{index}"));

    /// <summary>How many orders it was asked for since it started.</summary>
    public int Orders => Log.Split("\n").Count(line => line.Contains("Added order", StringComparison.Ordinal));

    /// <summary>How many accounts it knows since it started.</summary>
    public int Accounts => Log.Split("\n").Count(line => line.Contains("There are now", StringComparison.Ordinal) && line.Contains("accounts", StringComparison.Ordinal));

    /// <summary>Stops answering, and forgets.</summary>
    public async Task StopAsync()
    {
        if (_authority is { } running)
        {
            running.Kill();
            await running.WaitForExitAsync();
            running.Dispose();
            _authority = null;
        }
    }

    public async Task BeginAsync()
    {
        var file = Path.Combine(_folder, "pebble.json");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new
        {
            pebble = new
            {
                listenAddress = $"127.0.0.1:{_ports[0]}",
                managementListenAddress = $"127.0.0.1:{_ports[1]}",
                certificate = Path.Combine(_folder, "pebble.pem"),
                privateKey = Path.Combine(_folder, "pebble.key"),
                httpPort = _options.HttpPort,
                tlsPort = _options.TlsPort,
                externalAccountBindingRequired = _options.ExternalKeys is not null,
                externalAccountMACKeys = _options.ExternalKeys ?? new Dictionary<string, string>(),
                certificateValidityPeriod = (long)_options.Validity.TotalSeconds,
            },
        }));
        _authority = Run(
            "pebble",
            new()
            {
                ["PEBBLE_VA_NOSLEEP"] = "1",
                ["PEBBLE_WFE_NONCEREJECT"] = _options.RefusedNonces.ToString(),
                ["PEBBLE_AUTHZREUSE"] = "0",
                ["PEBBLE_ALTERNATE_ROOTS"] = _options.AlternateRoots.ToString(),
            },
            "-config", file, "-dnsserver", $"127.0.0.1:{_ports[2]}");
        await Eventually.TrueAsync(IsUpAsync);
    }

    public async Task RestartAsync()
    {
        await StopAsync();
        await BeginAsync();
    }

    /// <summary>Has the DNS say something: <c>set-txt</c>, <c>clear-txt</c>, <c>set-servfail</c> …</summary>
    public async Task TellDnsAsync(string verb, object what) =>
        (await _http.PostAsJsonAsync(new Uri($"http://127.0.0.1:{_ports[3]}/{verb}"), what)).EnsureSuccessStatusCode();

    /// <summary>Where <see cref="TellDnsAsync"/> posts to, for programs.</summary>
    public Uri DnsManagement => new($"http://127.0.0.1:{_ports[3]}/");

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_names is { } names)
        {
            names.Kill();
            await names.WaitForExitAsync();
            names.Dispose();
        }

        _http.Dispose();
    }

    private async Task<bool> IsUpAsync()
    {
        if (_authority!.HasExited)
        {
            throw new InvalidOperationException($"pebble ended: {Log}");
        }

        try
        {
            await _http.GetStringAsync(Directory);
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private Process Run(string program, Dictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Needs.Find(program)!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        void Keep(object sender, DataReceivedEventArgs line)
        {
            lock (_log)
            {
                _log.Add(line.Data ?? "");
            }
        }

        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static int[] FreePorts(int count)
    {
        var taken = new List<Socket>();
        try
        {
            for (var i = 0; i < count; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                taken.Add(socket);
            }

            return [.. taken.Select(socket => ((IPEndPoint)socket.LocalEndPoint!).Port)];
        }
        finally
        {
            taken.ForEach(socket => socket.Dispose());
        }
    }
}
