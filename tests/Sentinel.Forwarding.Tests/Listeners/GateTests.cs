using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Listeners;

[Collection("meters")]
public sealed class GateTests : IDisposable
{
    private static readonly PoolId Pool = new("pool");

    private readonly ManualTimeProvider _time = new();
    private readonly PoolTable _pools;
    private readonly ForwardingMeter _meter = new();

    public GateTests()
    {
        _pools = new(_time);
        _pools.Configure([new() { Id = new("a"), Address = "192.0.2.1" }], [new() { Id = Pool, Backends = [new("a")] }]);
        Report(healthy: true);
    }

    [Fact]
    public void AnOrdinaryConnectionAllocatesNothing()
    {
        using var gate = Open(Settings());
        Pass(gate);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            Pass(gate);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public async Task WhoeverLetsInMoreThanThereAreDescriptorsForIsToldWhatToSet()
    {
        await using var rig = new Rig();
        rig.Serve("a", TestBackend.Named("a"));
        await rig.StartAsync(rig.Listener() with { MaxConnections = 100 });
        Assert.DoesNotContain(rig.Logs.Lines, line => line.Event == "listener.descriptors.short");

        await rig.StartAsync(rig.Listener() with { MaxConnections = int.MaxValue });

        Assert.Equal(
            $"4294968830 descriptors are needed for as many connections as maxConnections lets in, and this process may have {Descriptors.Limit}: connections beyond that are refused."
            + " Set LimitNOFILE=4294968830 in the unit (systemctl edit sentinel, then restart), or lower maxConnections.",
            Assert.Single(rig.Logs.Lines, line => line.Event == "listener.descriptors.short").Text);
    }

    [Fact]
    public void CountsComeOutEvenUnderManyHands()
    {
        using var gate = Open(Settings() with { MaxConnections = 50, MaxConnectionsPerClient = 20 });
        Parallel.For(0, 100_000, i =>
        {
            var client = ClientAddress.OfV4((uint)(i % 5));
            if (gate.Admit(client) is { } rules)
            {
                gate.Ended(rules, new() { Client = client, EndPoint = null, Start = 0, End = ConnectionEnd.Completed });
            }
        });

        Assert.Equal((0, 100_000), (gate.Active, gate.Accepted + gate.Refused));
        for (var i = 0; i < 20; i++)
        {
            Assert.NotNull(gate.Admit(ClientAddress.OfV4(1)));
        }

        Assert.Null(gate.Admit(ClientAddress.OfV4(1)));
    }

    [Fact]
    public void ABackendThatWasDownForAMomentIsDownForWhoPickedItBefore()
    {
        using var gate = Open(Settings());
        var picked = gate.Pick(Pool, default)!;
        Assert.False(gate.IsDown(picked));

        Report(healthy: false);
        Assert.True(gate.IsDown(picked));
        _time.Advance(TimeSpan.FromSeconds(1));
        Report(healthy: true);

        Assert.True(gate.IsDown(picked));
        Assert.False(gate.IsDown(gate.Pick(Pool, default)!));
    }

    [Fact]
    public void ConnectionsCloseOnDownUnderActiveStandbyUnlessTheConfigurationSaysOtherwise()
    {
        using var gate = Open(Settings());
        Assert.True(gate.ClosesOnDown(gate.Rules, Pool));
        Assert.False(gate.ClosesOnDown(new(gate, Settings() with { CloseOnDown = false }), Pool));

        _pools.Configure([new() { Id = new("a") }], [new() { Id = Pool, Backends = [new("a")], Policy = PoolPolicy.RoundRobin }]);
        Assert.False(gate.ClosesOnDown(gate.Rules, Pool));
        Assert.True(gate.ClosesOnDown(new(gate, Settings() with { CloseOnDown = true }), Pool));
    }

    public void Dispose()
    {
        _meter.Dispose();
        _pools.Dispose();
    }

    private static void Pass(Gate gate)
    {
        var attempts = new Attempts();
        var rules = gate.Admit(default)!;
        var backend = attempts.Next(gate, Pool, default)!;
        gate.Dialled(Pool, DialOutcome.Connected, 0);
        gate.Relayed(1, 1);
        gate.Ended(rules, new() { Client = default, EndPoint = null, Start = 0, End = ConnectionEnd.Completed, Backend = backend.Id });
    }

    private static ListenerSettings Settings() => new()
    {
        Name = "ssh",
        Bind = [],
        Protocol = ListenerProtocol.Tcp,
        Pool = Pool,
        Port = 22,
    };

    private Gate Open(ListenerSettings settings) => new(settings, _pools, _time, _meter, NullLogger.Instance);

    private void Report(bool healthy) => _pools.Report(
        new("a"), new(healthy ? BackendState.Serving : BackendState.Stopping, healthy, DateTimeOffset.MinValue, ""));
}
