using System.Net;
using System.Net.Sockets;
using System.Text;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Harness;

/// <summary>A client, a sentinel and a VM, each in a network of its own, in a row. Client and VM are sockets of the test.</summary>
internal sealed class Street : IDisposable
{
    public const string At = "10.62.1.1";
    public const string Client = "10.62.1.2";
    public const string Near = "10.62.2.1";
    public const string Vm = "10.62.2.2";
    public const int Port = 7000;

    private readonly List<Socket> _sockets = [];

    public Street()
    {
        Clients.Connect(Sentinel, [$"{Client}/24"], [$"{At}/24"]);
        Sentinel.Connect(Vms, [$"{Near}/24"], [$"{Vm}/24"]);
    }

    public NetworkNamespace Clients { get; } = new("prx");

    public NetworkNamespace Sentinel { get; } = new("prx");

    public NetworkNamespace Vms { get; } = new("prx");

    /// <summary>One VM, watched closely, behind one listener.</summary>
    public static object Configuration(object listener) => new
    {
        backends = new { one = new { address = Vm, health = new { kind = "tcp", port = Port, interval = "100ms", timeout = "1s", healthyAfter = 1, unhealthyAfter = 1 } } },
        pools = new { vm = new { backends = new[] { "one" } } },
        listeners = new { ssh = listener },
    };

    /// <summary>The VM boots: says whom it sees, then echoes. Stopped, it resets what it has.</summary>
    public VmServer Boot() => new(Vms.Inside(() =>
    {
        var listening = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(new IPEndPoint(IPAddress.Parse(Vm), Port));
        listening.Listen(100);
        return listening;
    }));

    public async Task<Socket> ConnectAsync()
    {
        var socket = Clients.Inside(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        _sockets.Add(socket);
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        await socket.ConnectAsync(IPEndPoint.Parse($"{At}:22"), deadline.Token);
        return socket;
    }

    public static async Task<string> ReadLineAsync(Socket socket)
    {
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        var line = new StringBuilder();
        var one = new byte[1];
        while (await socket.ReceiveAsync(one, deadline.Token) > 0 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        return line.ToString();
    }

    public static async Task<string> EchoAsync(Socket socket, string line)
    {
        await socket.SendAsync(Encoding.ASCII.GetBytes(line + "\n"));
        return await ReadLineAsync(socket);
    }

    public void Dispose()
    {
        _sockets.ForEach(socket => socket.Dispose());
        Clients.Dispose();
        Sentinel.Dispose();
        Vms.Dispose();
    }
}
