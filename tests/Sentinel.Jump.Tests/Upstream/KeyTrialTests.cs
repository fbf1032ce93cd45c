using Sentinel.Backends;
using Sentinel.Jump.Addresses;
using Sentinel.Jump.Tests.Users;
using Sentinel.Jump.Upstream;

namespace Sentinel.Jump.Tests.Upstream;

/// <summary>What stands against a new key; that a VM lets somebody in with it is seen with a real one.</summary>
public sealed class KeyTrialTests : IAsyncLifetime
{
    private static readonly JumpSettings Plain = new() { Users = [new() { Name = "alice", Backend = new("spot-1") }] };

    private readonly UserRig _rig = new(new BackendDefinition { Id = new("spot-1"), Address = "127.0.0.1" }, new BackendDefinition { Id = new("spot-2"), Address = "127.0.0.1" });

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task A_VM_with_users_that_is_away_cannot_be_tried_and_one_without_need_not_be()
    {
        _rig.Configure(Plain);
        _rig.Report("spot-1", BackendState.Starting);

        Assert.Equal(["spot-1 is away and cannot be tried"], await ObjectionsAsync());
    }

    [Fact]
    public async Task A_VM_whose_daemon_is_given_keys_and_has_not_taken_it_is_named_also_without_users()
    {
        _rig.Configure(Plain with { KeySync = new(new() { Url = "http://{address}:1/authorized-keys", HmacSecretFile = "/nonexistent" }, TimeSpan.FromHours(1)) });
        _rig.Report("spot-1", BackendState.Starting);

        Assert.Equal(["spot-1 is away and cannot be tried", "spot-2 was not given it"], await ObjectionsAsync());
    }

    private Task<IReadOnlyList<string>> ObjectionsAsync()
    {
        var places = new JumpPlaces(_rig.State);
        var trial = new KeyTrial(places, _rig.Pools, _rig.Users, _rig.KeySync, new StableAddresses(places, _rig.Logs), _rig.Time);
        return trial.ObjectionsAsync("/nonexistent", TestKey.Of(9), 22, default);
    }
}
