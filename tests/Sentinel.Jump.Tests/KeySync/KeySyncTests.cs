using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;
using Sentinel.Jump.KeySync;
using Sentinel.Jump.Tests.Users;
using Sentinel.Testing;
using Sentinel.Testing.Vm;

namespace Sentinel.Jump.Tests.KeySync;

/// <summary>Users fetched from real HTTP, with what went wrong in practice where that is done.</summary>
public sealed class KeySyncTests : IAsyncLifetime
{
    private const string Address = "127.0.0.1";

    private readonly int _port = FreePort();
    private readonly UserRig _rig;
    private readonly KeyDaemon _vm;
    private readonly JumpSettings _settings;

    public KeySyncTests()
    {
        _rig = new(new BackendDefinition { Id = new("spot-1"), Address = Address }, new BackendDefinition { Id = new("spot-2"), Priority = 1 });
        _vm = new(Address, _port, _rig.Time);
        File.WriteAllText(Path.Combine(_rig.Folder, "secret"), KeyDaemon.Secret + "\n");
        _settings = new() { KeySync = new(new() { Url = $"http://{{address}}:{_port}/authorized-keys", HmacSecretFile = Path.Combine(_rig.Folder, "secret") }, TimeSpan.FromHours(6)) };
    }

    private KeySyncStatus Status => _rig.KeySync.Statuses.Single(status => status.Backend.Name == "spot-1");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        _vm.Dispose();
    }

    [Fact]
    public async Task Users_and_keys_of_a_VM_are_ours_and_outlive_our_restart_while_the_VM_is_away()
    {
        _vm.Answer = () => (200, KeyDaemon.Users(("alice", TestKey.Line(1)), ("bob", TestKey.Line(2))));
        Start();
        await Eventually.TrueAsync(() => _rig.Users.Users.Count == 2);
        Assert.Equal([TestKey.Of(1)], _rig.Users.Users["alice"].Keys);
        await Eventually.TrueAsync(() => Status is { LastSuccess: not null, LastError: null, Users: 2 });

        _vm.Dispose();
        await _rig.RestartAsync();
        _rig.Configure(_settings);
        Assert.Equal(["alice", "bob"], _rig.Users.Users.Keys);
    }

    [Fact]
    public async Task One_refused_sync_is_followed_by_another_within_seconds_and_not_hours()
    {
        var answers = 0;
        _vm.Answer = () => Interlocked.Increment(ref answers) <= 2 ? (503, "") : (200, KeyDaemon.Users(("alice", TestKey.Line(1))));
        Start();

        await Eventually.TrueAsync(() => _rig.Users.Users.ContainsKey("alice"));
        await Eventually.TrueAsync(() => Status is { LastError: null, LastSuccess: not null });
        Assert.Contains("users.sync.works: Users of spot-1 are fetched again.", _rig.Logs.All);
    }

    [Fact]
    public async Task A_401_is_seen_at_the_first_one_in_status_metric_and_log_with_the_backend_and_the_cause()
    {
        var failures = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, to) =>
        {
            if (instrument is { Name: "sentinel.sync.failures", Meter.Name: "Sentinel.Jump" })
            {
                to.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            if (tags.ToArray().Contains(new("kind", "keys")) && tags.ToArray().Contains(new("backend", "spot-1")))
            {
                Interlocked.Add(ref failures, value);
            }
        });
        listener.Start();
        File.WriteAllText(Path.Combine(_rig.Folder, "secret"), "another secret of thirty-two bytes\n");
        Start();

        await Eventually.TrueAsync(() => Status.LastError is not null);
        Assert.Equal($"http://{Address}:{_port}/authorized-keys answered 401: it does not accept our signature; is the key the one it knows, and is the clock right on both?", Status.LastError);
        Assert.InRange(Interlocked.Read(ref failures), 1, 100);
        await Eventually.TrueAsync(() => Status.LastError is not null && _rig.Logs.All.Any(line =>
            line.StartsWith("users.sync.failed: Users of spot-1 ", StringComparison.Ordinal) && line.Contains("answered 401", StringComparison.Ordinal)));
        Assert.Equal(0, _vm.Asked);
        Assert.DoesNotContain(_rig.Logs.All, line => line.Contains("another secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_authentic_empty_list_revokes_and_a_failed_answer_changes_nothing()
    {
        _vm.Answer = () => (200, KeyDaemon.Users(("alice", TestKey.Line(1))));
        Start();
        await Eventually.TrueAsync(() => _rig.Users.Users.ContainsKey("alice") && Status.LastSuccess is not null);

        foreach (var (answer, why) in new ((int, string), string)[]
                 {
                     ((500, ""), "answered 500"), ((200, "<html>"), "no list of users"), ((200, "{\"keys\":[{"), "no list of users"), ((302, ""), "answered 302"), ((200, "{}"), "no list of users"),
                 })
        {
            _vm.Answer = () => answer;
            Assert.True(_rig.KeySync.Resync(new("spot-1")));
            await Eventually.TrueAsync(() => Status.LastError?.Contains(why, StringComparison.Ordinal) == true);
            Assert.True(_rig.Users.Users.ContainsKey("alice"));
        }

        _vm.Answer = () => (200, KeyDaemon.Users());
        _rig.KeySync.Resync(new("spot-1"));
        await Eventually.TrueAsync(() => _rig.Users.Users.IsEmpty);

        // Nor does anybody come back with a restart.
        await _rig.RestartAsync();
        _rig.Configure(_settings);
        Assert.Empty(_rig.Users.Users);
    }

    [Fact]
    public async Task A_hostile_user_name_is_reported_and_writes_nowhere()
    {
        _vm.Answer = () => (200, KeyDaemon.Users(("../../root/.ssh", TestKey.Line(1)), ("alice", TestKey.Line(2))));
        Start();

        await Eventually.TrueAsync(() => Status.LastError is not null);
        Assert.EndsWith("gave 1 that cannot be taken, such as \"../../root/.ssh\", which is no user name", Status.LastError, StringComparison.Ordinal);
        Assert.Equal(["alice"], _rig.Users.Users.Keys);
        Assert.All(Directory.EnumerateFiles(_rig.State, "*", SearchOption.AllDirectories), file => Assert.StartsWith("spot-1.json", Path.GetFileName(file), StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_same_user_on_two_hosts_is_at_home_on_the_lowest_priority_and_the_clash_is_reported_until_a_placement_says_otherwise()
    {
        using var second = new KeyDaemon("127.0.0.2", _port, _rig.Time) { Answer = () => (200, KeyDaemon.Users(("alice", TestKey.Line(2)))) };
        _vm.Answer = () => (200, KeyDaemon.Users(("alice", TestKey.Line(1))));
        _rig.Pools.Report(new("spot-2"), new(BackendState.Serving, Healthy: true, default, "", "127.0.0.2"));
        Start();

        await Eventually.TrueAsync(() => _rig.Users.Standings.GetValueOrDefault("alice")?.Clashes.Any() == true && _rig.Standing("alice").User.Backend == new BackendId("spot-1"));
        Assert.Equal([TestKey.Of(1)], _rig.Users.Users["alice"].Keys);
        Assert.Contains("users.clash: alice is at home on spot-1; what spot-2 says of that name does not count.", _rig.Logs.All);

        await _rig.Desk.PlaceAsync("alice", new("spot-2"), default);
        Assert.Equal([TestKey.Of(2)], _rig.Users.Users["alice"].Keys);
        Assert.Equal([new BackendId("spot-1")], _rig.Desk.Users[0].Clashes);
    }

    [Fact]
    public async Task A_user_added_on_a_VM_is_ours_at_its_word_with_bursts_coalesced_and_none_skipped()
    {
        Start();
        await Eventually.TrueAsync(() => Status.LastSuccess is not null);
        var release = new TaskCompletionSource();
        (_vm.Hold, var before) = (release.Task, _vm.Asked);

        // While one is under way, any number of words make one more.
        _rig.KeySync.Resync(new("spot-1"));
        await Eventually.TrueAsync(() => _vm.Asked == before + 1);
        _vm.Answer = () => (200, KeyDaemon.Users(("alice", TestKey.Line(1))));
        for (var i = 0; i < 100; i++)
        {
            Assert.True(_rig.KeySync.Resync(new("spot-1")));
        }

        release.SetResult();
        await Eventually.TrueAsync(() => _rig.Users.Users.ContainsKey("alice"));
        Assert.Equal(before + 2, _vm.Asked);
        Assert.False(_rig.KeySync.Resync(new("spot-9")));
    }

    [Fact]
    public async Task A_VM_that_says_that_its_users_changed_is_asked_even_before_its_checks_pass()
    {
        _rig.Report("spot-1", BackendState.Verifying);
        _vm.Answer = () => (200, KeyDaemon.Users(("alice", TestKey.Line(1))));
        Start();
        _rig.KeySync.Resync(new("spot-1"));

        await Eventually.TrueAsync(() => _rig.Users.Users.ContainsKey("alice"));
    }

    [Fact]
    public async Task Every_VM_is_given_our_own_key_when_it_is_back_and_each_new_one_with_the_newest_last()
    {
        _rig.OwnKeys = [TestKey.Line(1) + " sentinel"];
        Start();
        await Eventually.TrueAsync(() => Status.LastSuccess is not null);
        Assert.Equal([TestKey.Line(1) + " sentinel"], _vm.Given);

        // Made anew, it knows nothing.
        _rig.Report("spot-1", BackendState.Starting);
        await Eventually.TrueAsync(() =>
        {
            _rig.Report("spot-1", _rig.Pools.Current.Backends[new("spot-1")].Status.Healthy ? BackendState.Starting : BackendState.Serving);
            return _vm.Given.Count >= 2;
        });
        _rig.Report("spot-1", BackendState.Serving);

        _rig.OwnKeys = [TestKey.Line(1) + " sentinel", TestKey.Line(2) + " sentinel"];
        Assert.False(_rig.KeySync.HasTaken(new("spot-1"), _rig.OwnKeys[1]));
        _rig.KeySync.Resync(new("spot-1"));
        await Eventually.TrueAsync(() => _vm.Given.ToArray() is [.., var old, var young] && old == _rig.OwnKeys[0] && young == _rig.OwnKeys[1]);
        await Eventually.TrueAsync(() => _rig.KeySync.HasTaken(new("spot-1"), _rig.OwnKeys[1]) == true);
        Assert.Null(_rig.KeySync.HasTaken(new("spot-9"), _rig.OwnKeys[1]));
    }

    [Fact]
    public async Task What_a_VM_says_of_its_load_decides_who_is_placed_there()
    {
        _vm.Answer = () => (200, """{"keys":[],"load":0.9}""");
        Start();
        await Eventually.TrueAsync(() => Status.Load is not null);

        Assert.Equal("spot-2", (await _rig.Desk.PlaceAsync("alice", null, default)).User!.Backend!.Value.Name);
    }

    [Fact]
    public async Task A_VM_that_leaves_the_configuration_takes_its_users_along()
    {
        _vm.Answer = () => (200, KeyDaemon.Users(("alice", TestKey.Line(1))));
        Start();
        await Eventually.TrueAsync(() => _rig.Users.Users.ContainsKey("alice"));
        var kept = Path.Combine(_rig.State, "synced", "spot-1.json");
        await Eventually.TrueAsync(() => File.Exists(kept)); // some time after they are known

        _rig.Configure(_settings, "spot-2");

        Assert.Empty(_rig.Users.Users);
        await Eventually.TrueAsync(() => !Directory.EnumerateFiles(Path.GetDirectoryName(kept)!).Any());
    }

    private void Start()
    {
        _rig.Configure(_settings);
        _rig.KeySync.Start();
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
