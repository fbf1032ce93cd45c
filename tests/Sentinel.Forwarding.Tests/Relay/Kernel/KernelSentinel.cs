using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Relay.Kernel;
using Sentinel.Forwarding.Relay.Managed;
using Sentinel.Forwarding.Tests.Kit;

namespace Sentinel.Forwarding.Tests.Relay.Kernel;

/// <summary>
/// One listener with the kernel engine, as a process that a test can put into a namespace and kill. It takes commands a
/// line each on standard input and answers each with a line: <c>up NAME</c>, <c>drain NAME</c>, <c>down NAME</c>,
/// <c>status</c>, <c>stop</c> (drains), <c>cut</c> (ends what drains), <c>leave</c> (as for a restart).
/// </summary>
internal sealed class KernelSentinel : IAsyncDisposable
{
    private static readonly PoolId PoolName = new("pool");

    private readonly PoolTable _pools = new(TimeProvider.System);
    private readonly LoopRegistry _loops = new(TimeProvider.System);
    private readonly LogRecorder _logs = new();
    private readonly ForwardingMeter _meter = new();
    private readonly MeterListener _measure = new();
    private readonly ConcurrentDictionary<string, long> _figures = new();
    private readonly CancellationTokenSource _now = new();
    private readonly ManagedEngine _managed;
    private readonly KernelEngine _engine;
    private readonly Gate _gate;
    private readonly ListenerSettings _settings;
    private ImmutableArray<Socket> _sockets = [];
    private ICarrier? _carrier;

    private KernelSentinel(KernelOptions options)
    {
        _settings = new()
        {
            Name = options.Listener,
            Bind = [.. options.Listen.Select(at => new BindAddress(IPEndPoint.Parse(at), null))],
            Protocol = ListenerProtocol.Tcp,
            Pool = PoolName,
            Port = options.Port,
            Hold = TimeSpan.FromMinutes(1),
            MaxConnections = options.MaxConnections,
            MaxConnectionsPerClient = options.MaxConnectionsPerClient,
        };
        _measure.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == _meter.Meter && instrument is Counter<long>)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _measure.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            _figures.AddOrUpdate($"{instrument.Name} {tags[1].Value}", value, (_, before) => before + value));
        _measure.Start();
        _pools.Configure(
            [.. options.Backends.Select((backend, i) => new BackendDefinition { Id = new(backend.Key), Address = backend.Value, Priority = i })],
            [new() { Id = PoolName, Backends = [.. options.Backends.Keys.Select(name => new BackendId(name))], Policy = options.Policy, FailbackAfter = TimeSpan.Zero }]);
        _managed = new(_loops, TimeProvider.System, _logs);
        _engine = new(options.Name, _managed, _loops, TimeProvider.System, _logs, TimeSpan.FromMilliseconds(100));
        _gate = new(_settings, _pools, TimeProvider.System, _meter, _logs);
    }

    public static async Task<int> RunAsync(string options)
    {
        await using var sentinel = new KernelSentinel(JsonSerializer.Deserialize<KernelOptions>(options)!);
        Console.WriteLine(await sentinel.StartAsync().ConfigureAwait(false) ?? "ready");
        while (await Console.In.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            Console.WriteLine(await sentinel.ObeyAsync(line.Split(' ')).ConfigureAwait(false));
        }

        return 0;
    }

    public static async Task<int> CleanAsync(string name)
    {
        Console.WriteLine(await KernelEngine.RemoveLeftoverAsync(name, TimeProvider.System, CancellationToken.None).ConfigureAwait(false) ?? "clean");
        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync().ConfigureAwait(false);
        await _managed.DisposeAsync().ConfigureAwait(false);
        _gate.Dispose();
        _meter.Dispose();
        _measure.Dispose();
        _pools.Dispose();
        _now.Dispose();
    }

    private async Task<string?> StartAsync()
    {
        foreach (var address in _settings.Bind)
        {
            _sockets = _sockets.AddRange(Binder.Open(address, PassedSockets.None, out var error));
            if (error is not null)
            {
                return error;
            }
        }

        var opening = await _engine.OpenAsync(_gate, _gate.Rules, null, CancellationToken.None).ConfigureAwait(false);
        _carrier = opening.Carrier;
        foreach (var socket in _carrier is null ? [] : _sockets)
        {
            _carrier!.Accept(socket);
        }

        return opening.Error;
    }

    private async Task<string> ObeyAsync(string[] command)
    {
        switch (command)
        {
            case ["up", var name]:
                return Report(name, BackendState.Serving, healthy: true);
            case ["drain", var name]:
                return Report(name, BackendState.Draining, healthy: true);
            case ["down", var name]:
                var answer = Report(name, BackendState.Stopping, healthy: false);
                _carrier!.CloseDown();
                return answer;
            case ["status"]:
                return JsonSerializer.Serialize(Status());
            case ["stop"]:
                foreach (var socket in _sockets)
                {
                    _carrier!.StopAccepting(socket);
                    socket.Dispose();
                }

                await _carrier!.DrainAsync(_now.Token).ConfigureAwait(false);
                return "stopped";
            case ["leave"]:
                await ((IKeepingCarrier)_carrier!).TakeOutAsync().ConfigureAwait(false);
                foreach (var socket in _sockets)
                {
                    _carrier!.StopAccepting(socket);
                    socket.Dispose();
                }

                await _carrier!.DrainAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
                return "left";
            case ["cut"]:
                _now.CancelAfter(TimeSpan.FromMilliseconds(200));
                return "cut";
            default:
                return "what?";
        }
    }

    private string Report(string name, BackendState state, bool healthy)
    {
        _pools.Report(new(name), new(state, healthy, TimeProvider.System.GetUtcNow(), "said so"));
        return "reported";
    }

    private KernelStatus Status() => new()
    {
        Active = _gate.Active,
        InKernel = _gate.InKernel,
        Held = _gate.Room.Count,
        Accepted = _gate.Accepted,
        Refused = _gate.Refused,
        Loads = _pools.Current.Backends.Values.ToDictionary(backend => backend.Id.Name, backend => backend.Load.Connections),
        Figures = new(_figures),
        Logs = [.. _logs.Lines.Select(line => $"{line.Event}: {line.Text} {line.Exception}")],
    };
}

internal sealed record KernelOptions
{
    public string Name { get; init; } = "test 1";

    public string Listener { get; init; } = "ssh";

    public required string[] Listen { get; init; }

    public required Dictionary<string, string> Backends { get; init; }

    public int Port { get; init; } = 7000;

    public PoolPolicy Policy { get; init; }

    public int MaxConnections { get; init; } = 10_000;

    public int MaxConnectionsPerClient { get; init; }
}

internal sealed record KernelStatus
{
    public int Active { get; init; }

    public int InKernel { get; init; }

    public int Held { get; init; }

    public long Accepted { get; init; }

    public long Refused { get; init; }

    public required Dictionary<string, int> Loads { get; init; }

    /// <summary>Counters by the name of the instrument and the value of its second label.</summary>
    public required Dictionary<string, long> Figures { get; init; }

    public required string[] Logs { get; init; }
}
