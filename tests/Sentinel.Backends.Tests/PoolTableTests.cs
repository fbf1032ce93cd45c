using Sentinel.Testing;

namespace Sentinel.Backends.Tests;

public sealed class PoolTableTests : IDisposable
{
    private static readonly PoolId Web = new("web");
    private readonly ManualTimeProvider _time = new();
    private readonly PoolTable _table;

    public PoolTableTests() => _table = new(_time);

    public void Dispose() => _table.Dispose();

    [Fact]
    public void Nobody_serves_before_anything_is_known()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0), ("b", 1));

        Assert.False(Pool.CanServe);
        Assert.Null(Pool.Pick(Client(1)));
        Assert.Equal(BackendState.Unknown, _table.Current.Backends[new("a")].Status.State);
    }

    [Fact]
    public void The_healthy_backend_of_lowest_priority_is_active()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 1), ("b", 0), ("c", 2));
        Up("a");
        Up("b");
        Up("c");

        Assert.Equal("b", Picked());
        Assert.Equal(["b"], Pool.Active.Select(backend => backend.Id.Name));
    }

    [Fact]
    public void A_better_backend_takes_over_again_only_after_it_was_healthy_for_long_enough()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0), ("b", 1));
        Up("a");
        Up("b");
        Down("a");
        Assert.Equal("b", Picked());

        Up("a");
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal("b", Picked());

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a", Picked());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void Setting_the_wall_clock_moves_nobody_and_keeps_nobody(int hours)
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0), ("b", 1));
        Up("a");
        Up("b");
        Down("a");
        Up("a");

        _time.Jump(TimeSpan.FromHours(hours));
        Up("b");
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal("b", Picked());

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("a", Picked());
    }

    [Fact]
    public void A_better_backend_that_flaps_starts_its_wait_anew()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0), ("b", 1));
        Up("a");
        Up("b");
        Down("a");
        Up("a");
        _time.Advance(TimeSpan.FromSeconds(20));
        Down("a");
        Up("a");
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal("b", Picked());

        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("a", Picked());
    }

    [Fact]
    public void At_the_start_the_better_backend_need_not_wait_though_it_was_seen_second()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0), ("b", 1));
        Up("b");
        Up("a");

        Assert.Equal("a", Picked());
    }

    [Fact]
    public void A_suspect_backend_serves_until_it_is_unhealthy()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0));
        Report("a", BackendState.Suspect, healthy: true);
        Assert.Equal("a", Picked());

        Report("a", BackendState.Suspect, healthy: false);
        Assert.Null(Pool.Pick(Client(1)));
    }

    [Theory]
    [InlineData(BackendState.Noticed)]
    [InlineData(BackendState.Draining)]
    [InlineData(BackendState.Drained)]
    [InlineData(BackendState.Stopping)]
    [InlineData(BackendState.Verifying)]
    public void A_healthy_backend_takes_nothing_new_while_it_is(BackendState state)
    {
        Configure(PoolPolicy.RoundRobin, ("a", 0));
        Report("a", state, healthy: true);

        Assert.Null(Pool.Pick(Client(1)));
    }

    [Fact]
    public void A_backend_without_an_address_takes_nothing()
    {
        _table.Configure([new() { Id = new("a"), Instance = "process/a" }], [new() { Id = Web, Backends = [new("a")] }]);
        Up("a");
        Assert.Null(Pool.Pick(Client(1)));

        _table.Report(new("a"), new(BackendState.Serving, true, _time.GetUtcNow(), "up", "127.0.0.9"));
        Assert.Equal("127.0.0.9", Pool.Pick(Client(1))!.Address);
    }

    [Fact]
    public void Those_tried_in_vain_are_passed_over()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0), ("b", 1));
        Up("a");
        Up("b");

        Assert.Equal("b", Pool.Pick(Client(1), [new("a")])!.Id.Name);
        Assert.Null(Pool.Pick(Client(1), [new("a"), new("b")]));
    }

    [Fact]
    public void Reconfiguring_keeps_what_is_known_of_those_who_stay()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0), ("b", 1));
        Up("a");
        Up("b");
        var load = _table.Current.Backends[new("b")].Load;
        load.Enter();

        Configure(PoolPolicy.LeastConnections, ("b", 1), ("c", 0));

        Assert.Equal("b", Picked());
        Assert.Same(load, _table.Current.Backends[new("b")].Load);
        Assert.False(_table.Current.Backends.ContainsKey(new("a")));
        Assert.Single(_table.Current.Pools);
    }

    [Fact]
    public void A_backend_that_now_means_another_instance_is_unknown_again()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0));
        Up("a");

        _table.Configure([new() { Id = new("a"), Address = "127.0.0.1", Instance = "process/other" }], [new() { Id = Web, Backends = [new("a")] }]);

        Assert.Equal(BackendState.Unknown, _table.Current.Backends[new("a")].Status.State);
    }

    [Fact]
    public void Observers_see_every_snapshot_in_order_until_they_leave()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0));
        var versions = new List<long>();
        using (_table.Subscribe(snapshot => versions.Add(snapshot.Version)))
        {
            Up("a");
            Up("a");
            Down("a");
        }

        Up("a");

        Assert.Equal(2, versions.Count);
        Assert.Equal(versions[0] + 1, versions[1]);
    }

    [Fact]
    public void News_of_an_unknown_backend_is_dropped()
    {
        Configure(PoolPolicy.ActiveStandby, ("a", 0));
        Up("ghost");

        Assert.DoesNotContain(new BackendId("ghost"), _table.Current.Backends.Keys);
    }

    [Fact]
    public async Task Reports_from_many_threads_lose_nothing()
    {
        var names = Enumerable.Range(0, 200).Select(i => ($"b{i}", i)).ToArray();
        Configure(PoolPolicy.LeastConnections, names);

        await Parallel.ForEachAsync(names, (name, _) =>
        {
            Up(name.Item1);
            return ValueTask.CompletedTask;
        });

        Assert.Equal(200, Pool.Eligible.Length);
    }

    private Pool Pool => _table.Current.Pools[Web];

    private static ClientAddress Client(uint address) => ClientAddress.OfV4(address);

    private string? Picked() => Pool.Pick(Client(1))?.Id.Name;

    private void Up(string name) => Report(name, BackendState.Serving, healthy: true);

    private void Down(string name) => Report(name, BackendState.Starting, healthy: false);

    private void Report(string name, BackendState state, bool healthy) =>
        _table.Report(new(name), new(state, healthy, _time.GetUtcNow(), "test"));

    private void Configure(PoolPolicy policy, params (string Name, int Priority)[] backends) => _table.Configure(
        [.. backends.Select(backend => new BackendDefinition { Id = new(backend.Name), Address = "127.0.0.1", Priority = backend.Priority })],
        [new() { Id = Web, Backends = [.. backends.Select(backend => new BackendId(backend.Name))], Policy = policy }]);
}
