using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Relay.Splice;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Listeners;

/// <summary>A process that has no descriptor left when an engine is to accept on a socket. Its own, since nothing else in it would get one either.</summary>
[SupportedOSPlatform("linux")]
internal static partial class OutOfDescriptors
{
    private const int NumberOfFiles = 7; // RLIMIT_NOFILE

    /// <summary>Fails if nobody is served on that socket once there are descriptors again.</summary>
    public static async Task<int> RunAsync(string protocol)
    {
        await using var rig = new Rig();
        rig.Serve("one", ServeAsync);
        var settings = rig.Listener() with { Protocol = Enum.Parse<ListenerProtocol>(protocol) };
        using var meter = new ForwardingMeter();
        using var gate = new Gate(settings, rig.Pools, rig.Time, meter, rig.Logs);
        await using IEngine engine = settings.Protocol == ListenerProtocol.Http
            ? new HttpEngine(rig.Pools, rig.Loops, rig.Time, rig.Logs, new NoOutageOutlook(), certificates: null)
            : new SpliceEngine(rig.Time, rig.Loops, rig.Logs);
        var carrier = (await engine.OpenAsync(gate, gate.Rules, null, CancellationToken.None).ConfigureAwait(false)).Carrier!;
        using var before = Listening();
        using var after = Listening();
        carrier.Accept(before);
        await AskAsync(rig, before).ConfigureAwait(false);

        // For a moment only, and with threads in stock: the runtime ends itself if it gets none for a new one.
        await StockThreadsAsync().ConfigureAwait(false);
        var limit = Limit(1);
        carrier.Accept(after);
        var isRefused = SpinWait.SpinUntil(
            () =>
            {
                gate.TellRefusals();
                return rig.Logs.Lines.Any(line => line.Event == "listener.accept.failed");
            },
            Eventually.Patience);
        Limit(limit);

        Assert.True(isRefused);
        await AskAsync(rig, after).ConfigureAwait(false);
        await carrier.DrainAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        return 0;
    }

    private static async Task StockThreadsAsync()
    {
        const int Threads = 16;
        ThreadPool.SetMinThreads(Threads, Threads);
        using var all = new Barrier(Threads);
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Run(all.SignalAndWait))).ConfigureAwait(false);
    }

    private static Socket Listening()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(Loopback.Next(), Rig.ListenPort));
        socket.Listen();
        return socket;
    }

    private static async Task ServeAsync(Socket socket)
    {
        while (await socket.ReadLineAsync().ConfigureAwait(false) != "\r")
        {
            // until its head ends
        }

        await socket.SendTextAsync("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nserved").ConfigureAwait(false);
    }

    private static async Task AskAsync(Rig rig, Socket listening)
    {
        var client = await rig.ConnectAsync((IPEndPoint)listening.LocalEndPoint!).ConfigureAwait(false);
        await client.SendTextAsync("GET / HTTP/1.1\r\nHost: one\r\nConnection: close\r\n\r\n").ConfigureAwait(false);
        Assert.EndsWith("served", await client.ReadTextToEndAsync().ConfigureAwait(false), StringComparison.Ordinal);
    }

    /// <summary>Lets this process have as many descriptors, and no more.</summary>
    /// <returns>How many it could have before.</returns>
    private static long Limit(long descriptors)
    {
        Assert.Equal(0, GetLimit(NumberOfFiles, out var limit));
        var before = limit.Soft;
        limit.Soft = descriptors;
        Assert.Equal(0, SetLimit(NumberOfFiles, in limit));
        return before;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in ResourceLimit limit);

    private struct ResourceLimit
    {
        public long Soft;
        public long Hard;
    }
}
