using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Cli;

namespace Sentinel.Service.Tests.Cli;

public sealed class StatusTextTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Reads_well_in_eighty_columns()
    {
        var status = Status(
            [
                Backend("spot-1", "serving", "2 checks passed") with { Since = Now.AddHours(-2.1), Connections = 12, Preemptions = 3, LastOutageSeconds = 71.4 },
                Backend("spot-2", "waiting", "start refused: no capacity") with { Since = Now.AddSeconds(-12), NextAttempt = Now.AddSeconds(4.2) },
            ],
            "spot-1");

        Assert.Equal(
            """
            front-1: proxy for 3 d 4 h, sentinel 0.1.0

            BACKEND  STATE        FOR  CONN  PREEMPTED  LAST OUTAGE  ADDRESS
            spot-1   serving  2 h 6 m    12          3     1 m 11 s  10.130.0.14
            spot-2   waiting     12 s     0          0            -  10.130.0.14
              start refused: no capacity; next attempt in 5 s

            POOL  POLICY         ACTIVE
            web   activeStandby  spot-1

            LISTENER  BIND        PROTOCOL  POOL  CONN  HELD  ACCEPTED  REFUSED
            ssh       0.0.0.0:22  tcp       web     12     0      4031        0
            """,
            string.Join('\n', StatusText.Status(status, Now, 80)));
    }

    [Fact]
    public void Long_names_give_way_and_still_tell_themselves_apart()
    {
        var status = Status(
            [
                Backend("containarium-production-us-central1-a-spot-0001", "recreating", new string('x', 200)) with { Address = "spot-0001.us-central1-a.c.project.internal" },
                Backend("containarium-production-us-central1-a-spot-0002", "serving", "") with { LastOutageSeconds = 200_000, Preemptions = 12345, Connections = 100000, Since = Now.AddDays(-400.9) },
            ],
            "containarium-production-us-central1-a-spot-0002");

        var lines = StatusText.Status(status, Now, 80).ToArray();

        Assert.All(lines, line => Assert.True(line.Length <= 80, line));
        Assert.Contains(lines, line => line.StartsWith("conta", StringComparison.Ordinal) && line.Contains("0001 ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("conta", StringComparison.Ordinal) && line.Contains("0002 ", StringComparison.Ordinal));
    }

    [Fact]
    public void Users_and_how_they_are_fetched_come_last()
    {
        var status = Status([Backend("spot-1", "serving", "") with { Users = 12 }, Backend("spot-2", "serving", "") with { Users = 1 }, Backend("spot-3", "serving", "") with { Users = 0 }], "spot-1") with
        {
            KeySync = [new("spot-1", 12, Now.AddSeconds(-42), null), new("spot-2", 1, Now.AddDays(-1), "http://10.0.0.2:8080/authorized-keys answered 401"), new("spot-3", 0, null, null)],
        };

        Assert.Equal(
            [
                "",
                "13 users: 12 on spot-1, 1 on spot-2. See: sentinel users",
                "Users of spot-1 were fetched 42 s ago.",
                "Users of spot-2 cannot be fetched, or not all: http://10.0.0.2:8080/authorized-keys answered 401",
                "Users of spot-3 were not fetched yet.",
            ],
            StatusText.Status(status, Now, 80).TakeLast(5));
        Assert.Equal("No user is at home on a backend. See: sentinel users", StatusText.Status(Status([Backend("spot-1", "serving", "") with { Users = 0 }], "spot-1"), Now, 80).Last());
    }

    [Fact]
    public void A_rejected_file_is_mentioned()
    {
        var status = Status([Backend("spot-1", "serving", "")], "spot-1") with
        {
            Configuration = new("/etc/sentinel/sentinel.json", Now.AddHours(-1), "rejected", ["a", "b"]),
        };

        Assert.Equal(
            "2 errors in /etc/sentinel/sentinel.json: the configuration loaded 1 h ago goes on. See: sentinel check",
            StatusText.Status(status, Now, 80).ElementAt(1));
    }

    [Fact]
    public void What_it_cost_and_saved_is_told_where_prices_are_known()
    {
        var status = Status([Backend("a", "serving", "") with { Cost = new(1.25, 5, 3.75) }, Backend("b", "serving", "") with { Cost = new(0.25, 1, 0.75) }, Backend("c", "serving", "")], "a");

        Assert.Equal("since the daemon began: cost 1.50, and 6.00 on demand throughout: 4.50 saved", StatusText.Status(status, Now, 80).Last());
        Assert.DoesNotContain(StatusText.Status(Status([Backend("c", "serving", "")], "c"), Now, 80), line => line.Contains("cost", StringComparison.Ordinal));
    }

    [Fact]
    public void An_outage_is_told_as_a_story()
    {
        var outage = new OutageDocument
        {
            Id = "20261122T110000Z-spot-1",
            Backend = "spot-1",
            Cause = "preempted",
            StartedAt = Now,
            EndedAt = Now.AddSeconds(71.4),
            Seconds = 71.4,
            Attempts = 1,
            Waits = new(12, 10, 1, 1, 0),
            Cost = new(0.0001, 0.0007, 0.0006),
            Timeline = [new(Now, "opened", "cloud", "the cloud took it"), new(Now.AddSeconds(71.4), "closed", "probe", "2 checks passed")],
        };

        Assert.Equal(
            """
            20261122T110000Z-spot-1: spot-1, preempted, lasted 1 m 11 s
            12 had to wait: 10 served, 1 gave up after their hold, 1 left by themselves
            cost 0.0001, and 0.0007 on demand throughout: 0.0006 saved

            2026-11-22 12:00:00Z      +0.0 s  cloud     the cloud took it
            2026-11-22 12:01:11Z     +71.4 s  probe     2 checks passed
            """,
            string.Join('\n', StatusText.Outage(outage)));
        Assert.Equal(
            """
            OUTAGE                   BACKEND  CAUSE        LASTED  ATTEMPTS
            20261122T110000Z-spot-1  spot-1   preempted  1 m 11 s         1
            """,
            string.Join('\n', StatusText.Outages([outage], 80)));
    }

    private static StatusDocument Status(IReadOnlyList<BackendDocument> backends, string active) => new()
    {
        Name = "front-1",
        Version = "0.1.0",
        State = "proxy",
        Since = Now.AddHours(-76),
        Leader = true,
        Backends = backends,
        Pools = [new PoolDocument("web", [active], "activeStandby", [.. backends.Select(backend => backend.Name)])],
        Listeners = [new ListenerDocument { Name = "ssh", Bind = ["0.0.0.0:22"], Protocol = "tcp", Engine = "splice", Pool = "web", Bound = true, Connections = 12, Accepted = 4031 }],
        Configuration = new("/etc/sentinel/sentinel.json", Now, null, []),
    };

    private static BackendDocument Backend(string name, string state, string reason) =>
        new() { Name = name, State = state, Since = Now, Reason = reason, Address = "10.130.0.14" };
}
