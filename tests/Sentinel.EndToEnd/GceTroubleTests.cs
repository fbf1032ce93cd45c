using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;

namespace Sentinel.EndToEnd;

/// <summary>The whole daemon, with VMs that listen, under an API that is slow, counts, lies, or does not take its credentials any more.</summary>
public sealed class GceTroubleTests : IAsyncLifetime
{
    private VirtualStage _stage = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _stage.DisposeAsync();

    [NeedsFact("linux")]
    public async Task An_API_that_is_slow_makes_a_recovery_slower_and_nothing_else()
    {
        _stage = await VirtualStage.StartAsync(vms: ["spot-1", "spot-2"]);
        using var client = _stage.Client();
        _stage.Project.Trouble.Delay = TimeSpan.FromSeconds(4);

        await _stage.PreemptAsync("spot-1");
        Assert.Equal("spot-2", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
        await _stage.ServesAsync();

        Assert.Equal(2, _stage.Vm.Starts);
        Assert.Single(_stage.Operations("start"));

        // Slower by what the API takes; on a busy machine virtual time passes by what is done in real time.
        Assert.InRange((double)Assert.Single(await _stage.OutagesAsync())["seconds"]!, 30, 600);
        Assert.Equal("serving", (string)(await _stage.BackendAsync("spot-2"))!["state"]!);
    }

    [NeedsFact("linux")]
    public async Task An_API_that_answers_later_than_anybody_waits_still_starts_the_VM_once()
    {
        _stage = await VirtualStage.StartAsync();
        _stage.Project.Preempt(VirtualStage.Zone, "spot-1");
        await _stage.UntilAsync(() => _stage.Vm.Status == "TERMINATED");
        _stage.Project.Trouble.Delay = TimeSpan.FromSeconds(7);
        await _stage.PassAsync(TimeSpan.FromMinutes(2));

        _stage.Project.Trouble.Delay = TimeSpan.Zero;
        await _stage.ServesAsync();
        Assert.Equal(2, _stage.Vm.Starts);
    }

    [NeedsFact("linux")]
    public async Task A_rate_limit_is_waited_out_and_not_run_against()
    {
        _stage = await VirtualStage.StartAsync(vms: ["spot-1", "spot-2"]);
        _stage.Project.Trouble.RequestsPerMinute = 12;
        var begun = _stage.Time.GetUtcNow();

        await _stage.PreemptAsync("spot-1", "spot-2");
        await _stage.ServesAsync("spot-1", TimeSpan.FromMinutes(30));
        await _stage.ServesAsync("spot-2", TimeSpan.FromMinutes(30));

        // Who is told to slow down asks no more before the next minute: what is refused stays a small part.
        var minutes = _stage.Server.Calls.Where(call => call.At > begun).GroupBy(call => call.At.ToUnixTimeSeconds() / 60).Select(minute => minute.Count()).ToArray();
        Assert.InRange(minutes.Max(), 12, 20);
        Assert.Equal((2, 2), (_stage.Vm.Starts, _stage.Project.Find(VirtualStage.Zone, "spot-2")!.Starts));
    }

    [NeedsFact("linux")]
    public async Task Starts_that_are_accepted_and_done_and_did_nothing_are_found_out_and_made_again()
    {
        _stage = await VirtualStage.StartAsync();
        var lies = 2;
        _stage.Project.Trouble.Lying = _ => Interlocked.Decrement(ref lies) >= 0;

        await _stage.PreemptAsync("spot-1");
        await _stage.ServesAsync(atMost: TimeSpan.FromHours(1));

        Assert.Equal(2, _stage.Vm.Starts);
        Assert.Equal(3, _stage.Operations("start").Length);
        Assert.Equal(3, (int)Assert.Single(await _stage.OutagesAsync())["attempts"]!);
    }

    [NeedsFact("linux")]
    public async Task Starts_that_are_accepted_and_then_fail_are_made_again()
    {
        _stage = await VirtualStage.StartAsync();
        var failures = 3;
        _stage.Project.Trouble.Starving = (_, _, _) => Interlocked.Decrement(ref failures) >= 0 ? new OperationFault("INTERNAL_ERROR", "Internal error. Please try again.", 500) : null;

        await _stage.PreemptAsync("spot-1");
        await _stage.ServesAsync(atMost: TimeSpan.FromHours(1));

        Assert.Equal(2, _stage.Vm.Starts);
        Assert.Equal(4, _stage.Operations("start").Length);
    }

    [NeedsFact("linux")]
    public async Task Credentials_that_expire_in_the_middle_are_replaced_and_while_none_can_be_had_traffic_goes_on_and_it_is_told()
    {
        await using var metadata = await FakeMetadataServer.StartAsync();
        _stage = await VirtualStage.StartAsync(
            new() { ["credentials"] = "metadata", ["metadataEndpoint"] = metadata.Endpoint.ToString().TrimEnd('/') },
            vms: ["spot-1", "spot-2"]);
        _stage.Server.TokenCheck = metadata.Knows;
        using var client = _stage.Client();
        var tokens = metadata.TokensGiven;

        // Revoked between the preemption and the start: the next request has a new one.
        await _stage.PreemptAsync("spot-1");
        Assert.Equal("STOPPING", _stage.Vm.Status);
        metadata.Revoke();
        await _stage.ServesAsync();
        Assert.Equal((2, tokens + 1), (_stage.Vm.Starts, metadata.TokensGiven));

        // Nobody gives new ones: what serves goes on, and who is down waits.
        metadata.Revoke();
        metadata.IsBroken = true;
        await _stage.PreemptAsync("spot-1");
        await _stage.PassAsync(TimeSpan.FromMinutes(3));
        Assert.Equal("spot-2", await client.GetStringAsync(new Uri("/", UriKind.Relative)));
        Assert.Equal(2, _stage.Vm.Starts);
        Assert.Contains("the metadata server", _stage.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("ya29.", _stage.Log, StringComparison.Ordinal);

        metadata.IsBroken = false;
        await _stage.ServesAsync(atMost: TimeSpan.FromMinutes(20));
        Assert.Equal(3, _stage.Vm.Starts);
    }
}
