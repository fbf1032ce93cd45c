using Sentinel.Backends;
using Sentinel.Jump.Placement;

namespace Sentinel.Jump.Tests.Placement;

public sealed class CandidateTests
{
    [Fact]
    public void The_lowest_load_is_chosen_and_not_the_fewest_users() =>
        Assert.Equal("b", Choose(Make("a", users: 10, capacity: 20), Make("b", users: 30, capacity: 100)));

    [Fact]
    public void Equal_loads_are_decided_by_users_then_priority_then_name()
    {
        Assert.Equal("b", Choose(Make("a", users: 20, capacity: 200), Make("b", users: 10, capacity: 100)));
        Assert.Equal("b", Choose(Make("a", priority: 1), Make("b", priority: 0)));
        Assert.Equal("a", Choose(Make("b"), Make("a")));
    }

    [Fact]
    public void What_a_VM_says_of_its_load_counts_and_whoever_was_placed_since_is_added()
    {
        Assert.Equal("b", Choose(Make("a", users: 0) with { Reported = 0.9 }, Make("b", users: 50)));
        Assert.Equal("b", Choose(Make("a") with { Reported = 0.2, PlacedSince = 30 }, Make("b") with { Reported = 0.4 }));
    }

    [Theory]
    [InlineData(BackendState.Draining)]
    [InlineData(BackendState.Drained)]
    [InlineData(BackendState.Held)]
    [InlineData(BackendState.Starting)]
    [InlineData(BackendState.Noticed)]
    [InlineData(BackendState.Unknown)]
    public void One_that_does_not_serve_is_never_chosen_before_one_that_does(BackendState state) =>
        Assert.Equal("b", Choose(Make("a") with { Status = Status(state) }, Make("b", users: 99, capacity: 100)));

    [Theory]
    [InlineData(10, null)]
    [InlineData(0, 1.0)]
    public void One_that_is_full_is_chosen_last_of_all(int users, double? reported)
    {
        var full = Make("a", users, capacity: 10) with { Reported = reported };

        Assert.Equal("b", Choose(full, Make("b", users: 9, capacity: 10)));
        Assert.Equal("b", Choose(full, Make("b") with { Status = Status(BackendState.Held) }));
        Assert.Equal("a", Choose(full));
    }

    [Fact]
    public void If_none_suits_a_VM_that_will_be_back_comes_before_one_that_a_person_stopped() =>
        Assert.Equal("b", Choose(Make("a") with { Status = Status(BackendState.Held) }, Make("b", users: 90) with { Status = Status(BackendState.Starting) }));

    [Fact]
    public void A_capacity_of_nobody_takes_nobody() => Assert.Equal("b", Choose(Make("a", capacity: 0), Make("b", users: 99)));

    [Fact]
    public void Of_none_none_is_chosen() => Assert.Null(Candidate.Choose([]));

    private static string Choose(params Candidate[] candidates) => Candidate.Choose(candidates)!.Id.Name;

    private static Candidate Make(string name, int users = 0, int? capacity = null, int priority = 0) =>
        new() { Id = new(name), Users = users, Capacity = capacity, Priority = priority, Status = Status(BackendState.Serving) };

    private static BackendStatus Status(BackendState state) => new(state, state is BackendState.Serving or BackendState.Draining or BackendState.Noticed, default, "");
}
