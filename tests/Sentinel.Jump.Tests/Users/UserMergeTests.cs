using System.Collections.Immutable;
using Sentinel.Backends;
using Sentinel.Jump.Placement;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Tests.Users;

/// <summary>Who says what counts.</summary>
public sealed class UserMergeTests
{
    private static readonly BackendId One = new("spot-1");
    private static readonly BackendId Two = new("spot-2");
    private static readonly BackendId Three = new("spot-3");

    private readonly UserSources _named = new()
    {
        Backends = ImmutableDictionary<BackendId, int>.Empty.Add(One, 5).Add(Two, 1).Add(Three, 1),
        Named = ImmutableDictionary<BackendId, EquatableList<SyncedUser>>.Empty
            .Add(One, [new("alice", [TestKey.Of(1)])]).Add(Two, [new("alice", [TestKey.Of(2)])]).Add(Three, [new("alice", [TestKey.Of(3)])]),
    };

    [Fact]
    public void The_same_user_on_two_hosts_is_at_home_on_the_one_of_lowest_priority_then_by_name()
    {
        var alice = _named.Merge()["alice"];

        Assert.Equal((Two, HomeSource.Backend), (alice.User.Backend!.Value, alice.Source));
        Assert.Equal([One, Three], alice.Clashes.OrderBy(backend => backend.Name));
    }

    [Fact]
    public void An_explicit_placement_wins_over_priority_and_the_file_over_both()
    {
        var placed = _named with { Placed = Placed("alice", new() { Backend = One, At = default, IsByHand = true, IsProvisioned = true }) };
        Assert.Equal((One, HomeSource.Hand), Home(placed));

        var written = placed with { File = File(new() { Name = "alice", Keys = [TestKey.Of(9)], Backend = Three, Allow = ["10.0.3.100:22"] }) };
        Assert.Equal((Three, HomeSource.File), Home(written));
        Assert.Equal(["10.0.3.100:22"], written.Merge()["alice"].User.Allow);
    }

    [Fact]
    public void Only_the_home_and_the_file_give_keys()
    {
        var alice = (_named with { File = File(new() { Name = "alice", Keys = [TestKey.Of(9)] }) }).Merge()["alice"];

        Assert.Equal([TestKey.Of(9), TestKey.Of(2)], alice.User.Keys);
    }

    [Fact]
    public void Who_is_placed_on_a_VM_that_does_not_name_the_user_has_no_keys_of_another_VM()
    {
        var sources = _named with
        {
            Named = _named.Named.Remove(One),
            Placed = Placed("alice", new() { Backend = One, At = default, IsProvisioned = true }),
        };

        var alice = sources.Merge()["alice"];

        Assert.Equal(One, alice.User.Backend);
        Assert.Empty(alice.User.Keys);
        Assert.Equal(2, alice.Clashes.Count());
    }

    [Fact]
    public void Who_moves_stays_at_home_until_made_at_the_new_place()
    {
        var moving = new PlacementRecord { Backend = One, At = default, From = Two };

        Assert.Equal(Two, Home(_named with { Placed = Placed("alice", moving) }).Backend);
        Assert.Equal(One, Home(_named with { Placed = Placed("alice", moving with { IsProvisioned = true }) }).Backend);
        Assert.Equal(One, Home(_named with { Placed = Placed("alice", moving with { From = new("gone") }) }).Backend);
    }

    [Fact]
    public void Users_of_a_VM_that_is_gone_for_good_are_unplaced_and_said_to_be()
    {
        var bob = (_named with { Placed = Placed("bob", new() { Backend = new("gone"), At = default, IsProvisioned = true }) }).Merge()["bob"];

        Assert.Null(bob.User.Backend);
        Assert.Equal((HomeSource.Nobody, new BackendId("gone")), (bob.Source, bob.Gone!.Value));
    }

    [Fact]
    public void What_a_VM_said_that_the_configuration_no_longer_has_does_not_count() =>
        Assert.Equal(Three, Home(_named with { Backends = _named.Backends.Remove(Two) }).Backend);

    private static (BackendId Backend, HomeSource Source) Home(UserSources sources)
    {
        var alice = sources.Merge()["alice"];
        return (alice.User.Backend!.Value, alice.Source);
    }

    private static ImmutableDictionary<string, PlacementRecord> Placed(string user, PlacementRecord record) => ImmutableDictionary<string, PlacementRecord>.Empty.Add(user, record);

    private static ImmutableDictionary<string, JumpUser> File(JumpUser user) => ImmutableDictionary<string, JumpUser>.Empty.Add(user.Name, user);
}
