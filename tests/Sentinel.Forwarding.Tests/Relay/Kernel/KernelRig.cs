using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay.Kernel;

/// <summary>Clients, a sentinel and its backends, each in a network of its own, in a row. Clients and backends are sockets of the test; the sentinel is a process.</summary>
internal sealed class KernelRig : IDisposable
{
    public const string At = "10.27.1.1:22";
    public const string At6 = "[fd27:1::1]:22";
    public const string Client = "10.27.1.2";
    public const string Client6 = "fd27:1::2";
    public const string Near = "10.27.2.1";
    public const string One = "10.27.2.2";
    public const string Two = "10.27.2.3";
    public const string One6 = "fd27:2::2";
    public const int Port = 7000;

    private readonly List<IDisposable> _open = [];
    private Process? _process;

    public KernelRig()
    {
        Clients.Connect(Sentinel, [$"{Client}/24", $"{Client6}/64"], ["10.27.1.1/24", "fd27:1::1/64"]);
        Sentinel.Connect(Backends, [$"{Near}/24", "fd27:2::1/64"], [$"{One}/24", $"{Two}/24", $"{One6}/64"]);
        Sentinel.Do("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
    }

    public NetworkNamespace Clients { get; } = new("ker");

    public NetworkNamespace Sentinel { get; } = new("ker");

    public NetworkNamespace Backends { get; } = new("ker");

    /// <summary>Two IPv4 backends named by their addresses' place.</summary>
    public static KernelOptions Options { get; } = new() { Listen = [At], Backends = new() { ["one"] = One, ["two"] = Two } };

    /// <summary>The tables in the sentinel's network.</summary>
    public string Tables => Sentinel.Do("nft", "list", "tables");

    /// <summary>A backend that says its name and who it sees, then echoes.</summary>
    public TestBackend Serve(string name, string address)
    {
        var backend = Backends.Inside(() => new TestBackend(new(IPAddress.Parse(address), Port), async socket =>
        {
            await socket.SendTextAsync($"{name} {((IPEndPoint)socket.RemoteEndPoint!).Address}\n");
            await TestBackend.EchoAsync(socket);
        }));
        _open.Add(backend);
        return backend;
    }

    /// <summary>Has a backend answer nothing any more, as a VM that is gone.</summary>
    public void Silence(string address) => Backends.Feed(
        $$"""
        table inet silence {
            chain input {
                type filter hook prerouting priority -500
                ip daddr {{address}} drop
            }
            chain output {
                type filter hook output priority -500
                ip saddr {{address}} drop
            }
        }

        """,
        "nft", "-f", "-");

    /// <summary>Starts the sentinel.</summary>
    /// <returns>Its first line.</returns>
    public async Task<string> StartAsync(KernelOptions options)
    {
        var assembly = typeof(KernelRig).Assembly.Location;
        _process = Sentinel.Start("dotnet", "exec", assembly, "kernel-sentinel", JsonSerializer.Serialize(options));
        _ = _process.StandardError.ReadToEndAsync();
        return await ReadAsync();
    }

    public async Task<string> SayAsync(string command)
    {
        await Tell(command);
        return await ReadAsync();
    }

    public async Task Tell(string command)
    {
        await _process!.StandardInput.WriteLineAsync(command);
        await _process.StandardInput.FlushAsync();
    }

    public async Task<string> ReadAsync()
    {
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        return await _process!.StandardOutput.ReadLineAsync(deadline.Token) ?? throw new InvalidOperationException("the sentinel has ended");
    }

    public async Task<KernelStatus> StatusAsync() => JsonSerializer.Deserialize<KernelStatus>(await SayAsync("status"))!;

    /// <summary>Waits until the sentinel's status is as a test wants it.</summary>
    public async Task<KernelStatus> UntilAsync(Func<KernelStatus, bool> condition, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        KernelStatus? status = null;
        try
        {
            await Eventually.TrueAsync(async () => condition(status = await StatusAsync()), what: what);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{JsonSerializer.Serialize(status)}\n{Sentinel.Do("nft", "list", "ruleset")}", e);
        }

        return status!;
    }

    /// <summary>Reports a backend up, and waits until the kernel sends newcomers to it.</summary>
    public async Task UpAsync(string name, string address)
    {
        await SayAsync($"up {name}");
        await Eventually.TrueAsync(() => Sentinel.Do("nft", "list", "ruleset").Split('\n').Any(line => line.Contains("dnat ", StringComparison.Ordinal) && line.Contains(address, StringComparison.Ordinal)));
    }

    /// <summary>Waits until no newcomer goes to an address any more.</summary>
    public Task UntilNothingGoesToAsync(string address) =>
        Eventually.TrueAsync(() => !Sentinel.Do("nft", "list", "ruleset").Split('\n').Any(line => line.Contains("dnat ip", StringComparison.Ordinal) && line.Contains(address, StringComparison.Ordinal)));

    public async Task<Socket> ConnectAsync(string at = At, NetworkNamespace? from = null, string? source = null)
    {
        var to = IPEndPoint.Parse(at);
        var socket = (from ?? Clients).Inside(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        _open.Add(socket);
        if (source is not null)
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
        }

        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        await socket.ConnectAsync(to, deadline.Token);
        return socket;
    }

    /// <summary>Sends a line there and back.</summary>
    public static async Task<string> EchoAsync(Socket socket, string line)
    {
        await socket.SendTextAsync(line + "\n");
        return await socket.ReadLineAsync();
    }

    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Ends the sentinel in good order.</summary>
    public async Task EndAsync()
    {
        _process!.StandardInput.Close();
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        await _process.WaitForExitAsync(deadline.Token);
        _process.Dispose();
        _process = null;
    }

    public void Dispose()
    {
        if (_process is not null)
        {
            Kill();
        }

        foreach (var open in _open)
        {
            open.Dispose();
        }

        Clients.Dispose();
        Sentinel.Dispose();
        Backends.Dispose();
    }
}
