using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Relay.Splice;
using Sentinel.Forwarding.Tests.Kit;

namespace Sentinel.Forwarding.Tests.Splice;

/// <summary>The engine alone, with one listener and one backend, so that a test can see what its loop holds.</summary>
[SupportedOSPlatform("linux")]
internal sealed class SpliceRig : IAsyncDisposable
{
    private static readonly PoolId Pool = new("pool");

    private readonly PoolTable _pools = new(TimeProvider.System);
    private readonly ForwardingMeter _meter = new();
    private readonly SpliceEngine _engine;
    private readonly TestBackend _backend;
    private readonly Socket _listening = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Gate _gate;
    private readonly List<Socket> _clients = [];
    private ICarrier? _carrier;

    public SpliceRig(Func<Socket, Task> serve, int mostPipes = 16)
    {
        _backend = new(new(Loopback.Next(), 0), serve);
        _pools.Configure(
            [new() { Id = new("a"), Address = _backend.Address.ToString() }],
            [new() { Id = Pool, Backends = [new("a")] }]);
        _pools.Report(new("a"), new(BackendState.Serving, Healthy: true, TimeProvider.System.GetUtcNow(), "serves"));
        _gate = new(
            new() { Name = "test", Bind = [], Protocol = ListenerProtocol.Tcp, Pool = Pool, Port = _backend.Port },
            _pools, TimeProvider.System, _meter, NullLogger.Instance);
        _engine = new(TimeProvider.System, new LoopRegistry(TimeProvider.System), NullLogger.Instance, loops: 1, mostPipes);
        _listening.Bind(new IPEndPoint(Loopback.Next(), 0));
        _listening.Listen(1024);
    }

    public async Task<Socket> ConnectAsync(int? receiveBuffer = null)
    {
        if (_carrier is null)
        {
            var opening = await _engine.OpenAsync(_gate, _gate.Rules, null, CancellationToken.None);
            _carrier = opening.Carrier!;
            _carrier.Accept(_listening);
        }

        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer is { } size)
        {
            socket.ReceiveBufferSize = size;
        }

        _clients.Add(socket);
        await socket.ConnectAsync(_listening.LocalEndPoint!);
        return socket;
    }

    public async Task<SpliceUsage> UsageAsync() => (await _engine.UsageAsync())[0];

    public async ValueTask DisposeAsync()
    {
        if (_carrier is not null)
        {
            await _carrier.DrainAsync(new CancellationToken(canceled: true));
        }

        await _engine.DisposeAsync();
        _gate.Dispose();
        _listening.Dispose();
        _backend.Dispose();
        _clients.ForEach(client => client.Dispose());
        _pools.Dispose();
        _meter.Dispose();
    }
}
