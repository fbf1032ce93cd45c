using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;

namespace Sentinel.EndToEnd;

/// <summary>The whole daemon, with VMs that listen, through hours of virtual time: what takes long, and clocks that are set.</summary>
public sealed class GceHoursTests : IAsyncLifetime
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private VirtualStage _stage = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _stage.DisposeAsync();

    [NeedsFact("linux")]
    public async Task Capacity_that_is_gone_for_an_hour_is_asked_for_in_moderation_and_who_waited_is_served()
    {
        _stage = await VirtualStage.StartAsync();
        using var client = _stage.Client();
        _stage.Project.Trouble.Starving = (zone, _, _) => OperationFault.NoCapacity(zone);

        _stage.Project.Preempt(VirtualStage.Zone, "spot-1");
        await _stage.UntilAsync(() => _stage.Vm.Status == "TERMINATED");
        var gone = _stage.Time.GetUtcNow();
        var waits = client.GetStringAsync(new Uri("/", UriKind.Relative));
        await _stage.PassAsync(Hour);

        // A minute between attempts would be sixty; the back-off grows to five.
        Assert.InRange(_stage.Operations("start").Length, 10, 30);
        Assert.All(_stage.Operations("start").Where(start => start.EndedAt is not null), start => Assert.NotNull(start.Fault));
        Assert.InRange(_stage.Server.Calls.Where(call => call.At > gone).GroupBy(call => call.At.ToUnixTimeSeconds() / 60).Max(minute => minute.Count()), 12, 150);
        Assert.False(waits.IsCompleted);
        Assert.Equal("TERMINATED", _stage.Vm.Status);

        _stage.Project.Trouble.Starving = (_, _, _) => null;
        await _stage.ServesAsync();
        Assert.Equal("spot-1", await waits.WaitAsync(Eventually.Patience, TimeProvider.System));
        Assert.Equal(2, _stage.Vm.Starts);
        var outage = Assert.Single(await _stage.OutagesAsync());
        Assert.InRange((double)outage["seconds"]!, 3600, 4000);
    }

    [NeedsTheory("linux")]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task A_clock_that_is_set_by_an_hour_in_the_middle_of_an_outage_makes_no_wait_longer_or_shorter(int hours)
    {
        _stage = await VirtualStage.StartAsync();
        using var client = _stage.Client();
        _stage.Project.Trouble.Starving = (zone, _, _) => OperationFault.NoCapacity(zone);
        _stage.Project.Preempt(VirtualStage.Zone, "spot-1");
        await _stage.UntilAsync(() => _stage.Operations("start").Length == 4);
        await _stage.UntilAsync(async () => (string)(await _stage.BackendAsync())!["state"]! == "waiting");
        var waits = client.GetStringAsync(new Uri("/", UriKind.Relative));
        var due = (DateTimeOffset)(await _stage.BackendAsync())!["nextAttempt"]! - _stage.Clock.GetUtcNow();

        _stage.Clock.Set(hours * Hour);

        // Once the daemon has noticed, the same moment is told by the new clock.
        var begun = _stage.Time.GetUtcNow();
        await _stage.UntilAsync(async () =>
        {
            var told = (DateTimeOffset)(await _stage.BackendAsync())!["nextAttempt"]! - _stage.Clock.GetUtcNow() + (_stage.Time.GetUtcNow() - begun);
            return (told - due).Duration() <= TimeSpan.FromSeconds(1);
        });
        Assert.Equal(4, _stage.Operations("start").Length);
        await _stage.PassAsync(begun + due - TimeSpan.FromSeconds(1) - _stage.Time.GetUtcNow());
        Assert.Equal(4, _stage.Operations("start").Length);
        await _stage.UntilAsync(() => _stage.Operations("start").Length == 5, TimeSpan.FromSeconds(30));

        _stage.Project.Trouble.Starving = (_, _, _) => null;
        await _stage.ServesAsync();
        Assert.Equal("spot-1", await waits.WaitAsync(Eventually.Patience, TimeProvider.System));
        Assert.Equal(2, _stage.Vm.Starts);
        Assert.InRange((double)Assert.Single(await _stage.OutagesAsync())["seconds"]!, 60, 600);
    }

    [NeedsTheory("linux")]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task A_clock_that_is_set_while_all_is_well_changes_nothing_and_the_next_preemption_is_as_any(int hours)
    {
        await using var metadata = await FakeMetadataServer.StartAsync();
        _stage = await VirtualStage.StartAsync(
            new() { ["credentials"] = "metadata", ["metadataEndpoint"] = metadata.Endpoint.ToString().TrimEnd('/') }, vms: ["spot-1", "spot-2"]);
        using var client = _stage.Client();
        var (tokens, since) = (metadata.TokensGiven, (DateTimeOffset)(await _stage.BackendAsync())!["since"]!);

        _stage.Clock.Set(hours * Hour);
        await _stage.PassAsync(TimeSpan.FromMinutes(3));

        Assert.Empty(await _stage.OutagesAsync());
        Assert.Equal("serving", (string)(await _stage.BackendAsync())!["state"]!);
        Assert.Equal(since + (hours * Hour), (DateTimeOffset)(await _stage.BackendAsync())!["since"]!);
        Assert.Equal(tokens, metadata.TokensGiven);
        Assert.Equal("spot-1", await client.GetStringAsync(new Uri("/", UriKind.Relative)));

        var begun = _stage.Time.GetUtcNow();
        await _stage.PreemptAsync("spot-1");
        await _stage.ServesAsync();

        // An hour by the clock that was set would be no outage of minutes; how many minutes is the machine's doing, too.
        Assert.InRange(_stage.Time.GetUtcNow() - begun, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(600));
        Assert.Single(_stage.Operations("start"));

        // It takes over again once it has been healthy for half a minute, by the clock that nobody sets.
        _stage.Clock.Set(-hours * Hour);
        Assert.Equal("spot-2", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
        await _stage.PassAsync(TimeSpan.FromSeconds(20));
        Assert.Equal("spot-2", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
        await _stage.PassAsync(TimeSpan.FromSeconds(15));
        Assert.Equal("spot-1", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
    }
}
