using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Tests.Kit;

/// <summary>A backend on a loopback address: hands each connection to a test.</summary>
internal sealed class TestBackend : IDisposable
{
    private readonly Socket _listening;
    private readonly ConcurrentBag<Socket> _accepted = [];
    private readonly Func<Socket, Task> _serve;
    private int _serving;

    public TestBackend(IPEndPoint at, Func<Socket, Task> serve)
    {
        _serve = serve;
        _listening = new(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _listening.Bind(at);
        _listening.Listen(4096);
        Port = ((IPEndPoint)_listening.LocalEndPoint!).Port;
        _ = AcceptAsync();
    }

    public IPAddress Address => ((IPEndPoint)_listening.LocalEndPoint!).Address;

    public int Port { get; }

    public int Accepted => _accepted.Count;

    /// <summary>Connections that the test's code is not done with: it may still be reading what the relay has long delivered.</summary>
    public int Serving => Volatile.Read(ref _serving);

    public IReadOnlyCollection<Socket> Connections => _accepted;

    /// <summary>Sends back what comes, and ends when the client does.</summary>
    public static async Task EchoAsync(Socket socket)
    {
        var buffer = new byte[64 * 1024];
        int n;
        while ((n = await socket.ReceiveAsync(buffer)) > 0)
        {
            await socket.SendAllAsync(buffer.AsMemory(0, n));
        }

        socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Says its name and waits for the client to go.</summary>
    public static Func<Socket, Task> Named(string name) => async socket =>
    {
        await socket.SendAllAsync(System.Text.Encoding.ASCII.GetBytes(name + "\n"));
        await socket.ReceiveAsync(new byte[1]);
    };

    /// <summary>Keeps the connection and neither reads nor writes.</summary>
    public static Task Nothing(Socket socket) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System);

    public void Dispose()
    {
        _listening.Dispose();
        foreach (var socket in _accepted)
        {
            socket.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listening.AcceptAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            Interlocked.Increment(ref _serving);
            _accepted.Add(socket);
            _ = ServeAsync(socket);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await Task.Yield();
            await _serve(socket);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test broke the connection.
        }

        socket.Dispose();
        Interlocked.Decrement(ref _serving);
    }
}
