using Sentinel.Backends;
using Sentinel.Jump.Placement;
using Sentinel.Jump.Tests.Users;
using Sentinel.Jump.Users;
using Sentinel.Testing;

namespace Sentinel.Jump.Tests.Placement;

/// <summary>Placing users: what is recorded, what is run, and what is left of it after trouble.</summary>
public sealed class PlacementDeskTests : IAsyncLifetime
{
    private static readonly JumpSettings Plain = new() { Pool = new("jump") };

    private readonly UserRig _rig = new(Backend("spot-1"), Backend("spot-2"), Backend("spot-3"));

    private string Book => Path.Combine(_rig.State, "placements.json");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task Three_hundred_users_at_once_spread_evenly_over_three_VMs()
    {
        _rig.Configure(Plain);

        await Parallel.ForEachAsync(Enumerable.Range(0, 300), async (i, stop) => Done(await _rig.Desk.PlaceAsync($"user{i}", null, stop)));

        Assert.Equal([100, 100, 100], _rig.Desk.Counts.Values);
        var homes = _rig.Users.Users.ToDictionary(user => user.Key, user => user.Value.Backend);
        await _rig.RestartAsync();
        _rig.Configure(Plain);
        Assert.Equal(homes, _rig.Users.Users.ToDictionary(user => user.Key, user => user.Value.Backend));
    }

    [Fact]
    public async Task Capacity_is_kept_to_until_every_VM_is_full()
    {
        await using var rig = new UserRig(Backend("spot-1") with { Capacity = 2 }, Backend("spot-2") with { Capacity = 1 });
        rig.Configure(Plain);

        foreach (var user in (string[])["a", "b", "c"])
        {
            Done(await rig.Desk.PlaceAsync(user, null, default));
        }

        Assert.Equal((2, 1), (rig.Desk.Counts[new("spot-1")], rig.Desk.Counts[new("spot-2")]));
        Assert.All(rig.Desk.Backends, backend => Assert.False(backend.TakesUsers));
        Done(await rig.Desk.PlaceAsync("d", null, default));
    }

    [Fact]
    public async Task The_same_user_placed_many_times_at_once_is_placed_once_and_made_once()
    {
        _rig.Configure(Provisioned($"echo {{user}} {{backend}} {{address}} >> {_rig.Folder}/made; sleep 0.2"));

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _rig.Desk.PlaceAsync("alice", null, default)));

        Assert.All(outcomes, Done);
        Assert.Equal("alice spot-1 127.0.0.1\n", await File.ReadAllTextAsync($"{_rig.Folder}/made"));
        Done(await _rig.Desk.PlaceAsync("alice", new("spot-1"), default));
        Assert.Equal("alice spot-1 127.0.0.1\n", await File.ReadAllTextAsync($"{_rig.Folder}/made"));
    }

    [Fact]
    public async Task A_provision_that_fails_is_told_with_what_it_wrote_and_a_repeat_completes_it_even_after_a_restart()
    {
        var settings = Provisioned($"echo no room on {{backend}}; echo more >&2; test -e {_rig.Folder}/ready");
        _rig.Configure(settings);

        var failed = await _rig.Desk.PlaceAsync("alice", null, default);

        Assert.Equal(PlacementResult.NotProvisioned, failed.Result);
        Assert.Equal("alice is recorded on spot-1, but sh ended with status 1; the same command again completes it.", failed.Why);
        Assert.Equal(["more", "no room on spot-1"], failed.Output!.Trim().Split('\n').Order());
        Assert.Equal(new BackendId("spot-1"), failed.User!.Pending);

        await _rig.RestartAsync();
        _rig.Configure(settings);
        await File.WriteAllTextAsync($"{_rig.Folder}/ready", "");
        var completed = await _rig.Desk.PlaceAsync("alice", null, default);
        Done(completed);
        Assert.Equal((new BackendId("spot-1"), null), (completed.User!.Backend!.Value, completed.User.Pending));
        Assert.Contains("no room on spot-1", completed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_provision_that_hangs_is_ended_at_its_deadline_with_all_that_it_started()
    {
        _rig.Configure(Provisioned($"echo begun; sleep 1000 & echo $! > {_rig.Folder}/child; wait") with { ProvisionTimeout = TimeSpan.FromMilliseconds(500) });

        var failed = await _rig.Desk.PlaceAsync("alice", null, default);

        Assert.Equal(PlacementResult.NotProvisioned, failed.Result);
        Assert.Contains("took longer than", failed.Why, StringComparison.Ordinal);
        Assert.Equal("begun", failed.Output!.Trim());
        var child = (await File.ReadAllTextAsync($"{_rig.Folder}/child")).Trim();
        await Eventually.TrueAsync(() => !File.Exists($"/proc/{child}/cmdline") || File.ReadAllText($"/proc/{child}/cmdline").Length == 0);
    }

    [Fact]
    public async Task A_provision_that_leaves_somebody_behind_who_holds_its_output_has_ended_all_the_same()
    {
        _rig.Configure(Provisioned($"sleep 20 & echo $! > {_rig.Folder}/child; echo made"));

        var placed = await _rig.Desk.PlaceAsync("alice", null, default);

        Done(placed);
        Assert.Equal("made", placed.Output!.Trim());
        System.Diagnostics.Process.GetProcessById(int.Parse(await File.ReadAllTextAsync($"{_rig.Folder}/child"))).Kill();
    }

    [Fact]
    public async Task Of_a_provision_that_never_stops_writing_only_the_last_is_kept()
    {
        _rig.Configure(Provisioned("head -c 3000000 /dev/zero | tr '\\0' x; printf end"));

        var placed = await _rig.Desk.PlaceAsync("alice", null, default);

        Done(placed);
        Assert.Equal(16 * 1024, placed.Output!.Length);
        Assert.EndsWith("xend", placed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_is_moved_stays_at_home_until_the_new_place_is_made()
    {
        _rig.Configure(Provisioned($"test {{backend}} = spot-1 || test -e {_rig.Folder}/ready"));
        Done(await _rig.Desk.PlaceAsync("alice", null, default));

        Assert.Equal(PlacementResult.NotProvisioned, (await _rig.Desk.PlaceAsync("alice", new("spot-2"), default)).Result);
        Assert.Equal((new BackendId("spot-1"), new BackendId("spot-2")), (_rig.Standing("alice").User.Backend!.Value, _rig.Standing("alice").Pending!.Value));

        // Back again needs nothing; and forward once it can be.
        Done(await _rig.Desk.PlaceAsync("alice", new("spot-1"), default));
        Assert.Null(_rig.Standing("alice").Pending);
        await File.WriteAllTextAsync($"{_rig.Folder}/ready", "");
        Done(await _rig.Desk.PlaceAsync("alice", new("spot-2"), default));
        Assert.Equal((new BackendId("spot-2"), HomeSource.Hand), (_rig.Standing("alice").User.Backend!.Value, _rig.Standing("alice").Source));
    }

    [Fact]
    public async Task Users_of_a_VM_that_is_gone_for_good_are_placed_anew_by_auto_and_are_back_if_it_is()
    {
        _rig.Configure(Plain);
        Done(await _rig.Desk.PlaceAsync("alice", new("spot-3"), default));
        Done(await _rig.Desk.PlaceAsync("bob", new("spot-3"), default));

        _rig.Configure(Plain, "spot-1", "spot-2");
        Assert.Equal(new BackendId("spot-3"), _rig.Desk.Users.Single(user => user.Name == "alice").Gone);
        Done(await _rig.Desk.PlaceAsync("alice", null, default));
        Assert.Equal(new BackendId("spot-1"), _rig.Standing("alice").User.Backend);

        _rig.Configure(Plain);
        Assert.Equal(("spot-1", "spot-3"), (_rig.Standing("alice").User.Backend!.Value.Name, _rig.Standing("bob").User.Backend!.Value.Name));
    }

    [Fact]
    public async Task A_placement_is_removed_once_and_what_the_file_says_is_changed_there()
    {
        _rig.Configure(Plain with { Users = [new() { Name = "carol", Backend = new("spot-2") }] });
        Done(await _rig.Desk.PlaceAsync("alice", null, default));

        Done(await _rig.Desk.RemoveAsync("alice", default));
        Assert.Equal(PlacementResult.Unknown, (await _rig.Desk.RemoveAsync("alice", default)).Result);
        Assert.False(_rig.Users.Users.ContainsKey("alice"));
        var refused = await _rig.Desk.PlaceAsync("carol", new("spot-1"), default);
        Assert.Equal((PlacementResult.Refused, "carol is placed on spot-2 by the file; change ssh.users.carol.backend there."), (refused.Result, refused.Why));
        Assert.Equal(PlacementResult.Refused, (await _rig.Desk.RemoveAsync("carol", default)).Result);
        Done(await _rig.Desk.PlaceAsync("carol", null, default));
        Assert.Equal("spot-2", _rig.Standing("carol").User.Backend!.Value.Name);
    }

    [Theory]
    [InlineData("../../root/.ssh")]
    [InlineData("-oProxyCommand=x")]
    [InlineData("Alice")]
    [InlineData("")]
    [InlineData("alice\n")]
    [InlineData("root")]
    [InlineData("jump")]
    public async Task Hostile_names_are_refused(string name)
    {
        _rig.Configure(Provisioned("exit 0"));

        Assert.Equal(PlacementResult.BadName, (await _rig.Desk.PlaceAsync(name, null, default)).Result);
        Assert.False(File.Exists(Book));
    }

    [Fact]
    public async Task Who_is_placed_on_nothing_known_is_told_so()
    {
        _rig.Configure(Plain);
        Assert.Equal(PlacementResult.Unknown, (await _rig.Desk.PlaceAsync("alice", new("spot-9"), default)).Result);
        Assert.Empty(_rig.Users.Users);
    }

    [Theory]
    [InlineData("placements.json")]
    [InlineData("placements.json.copy")]
    public async Task A_record_that_is_torn_or_lost_is_read_from_its_other_copy(string file)
    {
        _rig.Configure(Plain);
        Done(await _rig.Desk.PlaceAsync("alice", new("spot-3"), default));
        var path = Path.Combine(_rig.State, file);
        foreach (var damage in (Action[])[() => File.WriteAllBytes(path, File.ReadAllBytes(path)[..20]), () => File.WriteAllBytes(path, new byte[100]), () => File.Delete(path)])
        {
            damage();
            await _rig.RestartAsync();
            _rig.Configure(Plain);
            Assert.Equal("spot-3", _rig.Standing("alice").User.Backend!.Value.Name);
            Assert.Contains(_rig.Logs.All, line => line.StartsWith("users.book.damaged: ", StringComparison.Ordinal) && line.Contains(path, StringComparison.Ordinal));
            Done(await _rig.Desk.RemoveAsync("alice", default));
            Done(await _rig.Desk.PlaceAsync("alice", new("spot-3"), default));
        }
    }

    [Fact]
    public async Task A_record_that_is_lost_twice_is_put_aside_and_not_written_over()
    {
        _rig.Configure(Plain);
        Done(await _rig.Desk.PlaceAsync("alice", null, default));
        File.WriteAllText(Book, "{");
        File.WriteAllText(Book + ".copy", "{\"placements\":[{\"user\":\"../x\",\"backend\":\"spot-1\"}]}");
        await _rig.RestartAsync();
        _rig.Configure(Plain);

        Assert.Empty(_rig.Users.Users);
        Done(await _rig.Desk.PlaceAsync("bob", null, default));
        Assert.Equal("{", File.ReadAllText(Book + ".damaged"));
    }

    [Fact]
    public async Task What_cannot_be_recorded_changes_nothing()
    {
        _rig.Configure(Plain);
        Done(await _rig.Desk.PlaceAsync("alice", null, default));
        File.Delete(Book);
        Directory.CreateDirectory(Book);

        var failed = await _rig.Desk.PlaceAsync("bob", null, default);

        Assert.Equal(PlacementResult.Unwritten, failed.Result);
        Assert.Equal(["alice"], _rig.Users.Users.Keys);
    }

    private static BackendDefinition Backend(string name) => new() { Id = new(name), Address = "127.0.0.1" };

    private static JumpSettings Provisioned(string script) => Plain with { Provision = ["/bin/sh", "-c", script] };

    private static void Done(PlacementOutcome outcome) => Assert.True(outcome.Result == PlacementResult.Done, outcome.Why);
}
