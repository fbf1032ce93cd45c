using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Sentinel.Testing;

namespace Sentinel.Service.Tests;

/// <summary>The daemon as systemd runs it: its own process, a notification socket, signals.</summary>
public sealed class DaemonTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-daemon-").FullName;
    private readonly List<string> _output = [];
    private Process? _daemon;

    public void Dispose()
    {
        if (_daemon is { HasExited: false })
        {
            _daemon.Kill(entireProcessTree: true);
            _daemon.WaitForExit();
        }

        _daemon?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [NeedsFact("linux")]
    public async Task Systemd_hears_of_everything_from_ready_to_stopping()
    {
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint(Path.Combine(_folder, "notify")));
        Configure(level: "information");
        Start(new() { ["NOTIFY_SOCKET"] = Path.Combine(_folder, "notify"), ["WATCHDOG_USEC"] = "1000000" });

        // A listener that is announced as ready can be connected to.
        await HearAsync(systemd, "READY=1");
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(IPEndPoint.Parse("127.24.2.1:7000"));
        }

        await HearAsync(systemd, "WATCHDOG=1");
        await HearAsync(systemd, "WATCHDOG=1");
        Configure(level: "debug");
        Signal("HUP");
        await HearAsync(systemd, "RELOADING=1");
        await HearAsync(systemd, "READY=1");
        Signal("TERM");
        await HearAsync(systemd, "STOPPING=1");
        await _daemon!.WaitForExitAsync();
        Assert.Equal(0, _daemon.ExitCode);
    }

    [NeedsFact("linux")]
    public async Task A_second_signal_does_not_wait_for_what_still_drains()
    {
        Configure(level: "information");
        Start([]);
        await Eventually.TrueAsync(() => Said("daemon.started"));

        // Held: nobody serves, and the listener's drain is an hour.
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse("127.24.2.1:7000"));
        Signal("TERM");
        await Eventually.TrueAsync(() => Said("daemon.stopping"));
        Assert.False(_daemon!.HasExited);
        Signal("TERM");

        using var patience = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        await _daemon.WaitForExitAsync(patience.Token);
        Assert.Equal(0, _daemon.ExitCode);
        Assert.True(Said("daemon.stopped"));
    }

    [NeedsFact("linux")]
    public async Task A_reload_moves_the_admin_endpoint_and_changes_the_log_level_and_an_impossible_one_changes_nothing()
    {
        Configure(level: "information");
        Start([]);
        await Eventually.TrueAsync(() => Said("daemon.started"));

        Configure(level: "warning", admin: "127.24.2.1:8889", state: "elsewhere");
        Signal("HUP");
        await Eventually.TrueAsync(() => Said("config.rejected"));
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using (var status = JsonDocument.Parse(await http.GetStringAsync(new Uri("http://127.24.2.1:8888/status"))))
        {
            var configuration = status.RootElement.GetProperty("configuration");
            Assert.Equal("rejected", configuration.GetProperty("lastReload").GetString());
            Assert.StartsWith("stateDirectory: ", configuration.GetProperty("errors")[0].GetString(), StringComparison.Ordinal);
        }

        Configure(level: "warning", admin: "127.24.2.1:8889");
        Signal("HUP");
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                return (await http.GetStringAsync(new Uri("http://127.24.2.1:8889/metrics"))).Contains("sentinel_config_reloads_total{outcome=\"applied\"} 1\n", StringComparison.Ordinal);
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                await http.GetStringAsync(new Uri("http://127.24.2.1:8888/status"));
                return false;
            }
            catch (HttpRequestException)
            {
                return true;
            }
        });
        Signal("TERM");
        await _daemon!.WaitForExitAsync();
        Assert.False(Said("daemon.stopping"));
    }

    [NeedsFact("linux")]
    public async Task Standard_output_that_nobody_reads_stops_nothing()
    {
        Configure(level: "trace");
        Start([], read: false);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        // A pipe holds 64 KiB: each of these requests logs more than a hundred bytes at this level.
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                await http.GetStringAsync(new Uri("http://127.24.2.1:8888/healthz"));
                return true;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        for (var i = 0; i < 2000; i++)
        {
            await http.GetStringAsync(new Uri("http://127.24.2.1:8888/healthz"));
        }

        Signal("TERM");
        using var patience = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        await _daemon!.WaitForExitAsync(patience.Token);
        Assert.Equal(0, _daemon.ExitCode);
    }

    private bool Said(string name)
    {
        lock (_output)
        {
            return _output.Exists(line => line.Contains($"\"event\":\"{name}\"", StringComparison.Ordinal));
        }
    }

    private void Configure(string level, string admin = "127.24.2.1:8888", string state = "state")
    {
        var file = Path.Combine(_folder, "sentinel.json");
        File.WriteAllText(file + ".new", $$"""
            {
              "name": "test", "stateDirectory": "{{Path.Combine(_folder, state)}}", "admin": { "bind": "{{admin}}" }, "telemetry": { "logLevel": "{{level}}" },
              "backends": { "a": { "address": "127.24.2.9", "health": { "kind": "tcp", "port": 1 } } },
              "pools": { "web": { "backends": ["a"] } },
              "listeners": { "tcp": { "bind": ["127.24.2.1:7000"], "protocol": "tcp", "pool": "web", "port": 7000, "hold": "1h", "drain": "1h" } }
            }
            """);
        File.Move(file + ".new", file, overwrite: true);
    }

    private void Start(Dictionary<string, string> environment, bool read = true)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "sentinel.dll"), "run", "--config", Path.Combine(_folder, "sentinel.json")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        _daemon = Process.Start(start)!;
        if (read)
        {
            _daemon.OutputDataReceived += (_, line) =>
            {
                lock (_output)
                {
                    _output.Add(line.Data ?? "");
                }
            };
            _daemon.BeginOutputReadLine();
        }
    }

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{_daemon!.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Reads messages until one begins so.</summary>
    private static async Task HearAsync(Socket systemd, string beginning)
    {
        using var patience = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        var buffer = new byte[4096];
        string message;
        do
        {
            message = Encoding.UTF8.GetString(buffer, 0, await systemd.ReceiveAsync(buffer, patience.Token));
        }
        while (!message.StartsWith(beginning, StringComparison.Ordinal));
    }
}
