using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sentinel.Backends;
using Sentinel.Certificates;
using Sentinel.Forwarding.Listeners;
using Sentinel.Recovery.Outages;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Telemetry;

namespace Sentinel.Service.Tests.Admin;

public sealed class AdminApiTests
{
    [Fact]
    public async Task Certificates_are_told_to_operators_and_renewed_when_it_makes_sense()
    {
        await using var fixture = await AdminFixture.StartAsync();
        fixture.Certificates.Held.Add(new(["a.test", "b.test"], "acme", null, fixture.Time.GetUtcNow(), "dns: no such name (400)", null));

        Assert.Equal(HttpStatusCode.Unauthorized, (await fixture.SendAsync(HttpMethod.Get, "/v1/certificates")).StatusCode);
        var told = await fixture.SendAsync(HttpMethod.Get, "/v1/certificates", AdminFixture.Token);
        Assert.Equal(
            """{"certificates":[{"names":["a.test","b.test"],"source":"acme","notAfter":null,"renewAt":"2026-01-01T00:00:00.000Z","lastError":"dns: no such name (400)","serialNumber":null}]}""",
            (await told.Content.ReadAsStringAsync()).Trim());
        Assert.Equal(HttpStatusCode.Accepted, (await fixture.SendAsync(HttpMethod.Post, "/v1/certificates/B.test/renew", AdminFixture.Token)).StatusCode);
        fixture.Certificates.Refusal = (false, "no such name");
        Assert.Equal(HttpStatusCode.NotFound, (await fixture.SendAsync(HttpMethod.Post, "/v1/certificates/c.test/renew", AdminFixture.Token)).StatusCode);
        fixture.Certificates.Refusal = (true, "too soon");
        Assert.Equal(HttpStatusCode.Conflict, (await fixture.SendAsync(HttpMethod.Post, "/v1/certificates/a.test/renew", AdminFixture.Token)).StatusCode);
    }

    [Fact]
    public async Task Certificates_are_revoked_for_operators_with_a_reason()
    {
        await using var fixture = await AdminFixture.StartAsync();
        fixture.Certificates.Held.Add(new(["a.test", "b.test"], "acme", null, fixture.Time.GetUtcNow(), null, "0A"));

        Assert.Equal(HttpStatusCode.Unauthorized, (await fixture.SendAsync(HttpMethod.Post, "/v1/certificates/a.test/revoke")).StatusCode);
        Assert.Empty(fixture.Certificates.Revoked);
        var done = await fixture.SendAsync(HttpMethod.Post, "/v1/certificates/a.test/revoke?reason=keyCompromise", AdminFixture.Token);
        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        Assert.Contains("\"serialNumber\":\"0A\"", await done.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal([("a.test", RevocationReason.KeyCompromise)], fixture.Certificates.Revoked);

        await AssertProblemAsync("a.test/revoke?reason=why", HttpStatusCode.BadRequest, "The reason is one of unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation.");
        foreach (var (result, detail, status, said) in new (RevokeResult, string?, HttpStatusCode, string)[]
                 {
                     (RevokeResult.UnknownName, null, HttpStatusCode.NotFound, "No certificate for exactly 'a.test' is held; /status lists those that are."),
                     (RevokeResult.NotOurs, "backend:spot-1", HttpStatusCode.Conflict, "It came from backend:spot-1; whoever ordered it can revoke it."),
                     (RevokeResult.Busy, null, HttpStatusCode.Conflict, "It is being ordered at this moment; ask again in a minute."),
                     (RevokeResult.Refused, "https://ca.test/dir: unauthorized (403)", HttpStatusCode.BadGateway, "It is not revoked: https://ca.test/dir: unauthorized (403)"),
                 })
        {
            fixture.Certificates.Revocation = new(result, detail);
            await AssertProblemAsync("a.test/revoke", status, said);
        }

        async Task AssertProblemAsync(string path, HttpStatusCode status, string said)
        {
            using var answer = await fixture.SendAsync(HttpMethod.Post, $"/v1/certificates/{path}", AdminFixture.Token);
            Assert.Equal((status, said), (answer.StatusCode, (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["detail"]));
        }
    }

    [Fact]
    public async Task Accounts_get_new_keys_for_operators()
    {
        const string Path = "/v1/certificates/roll-key";
        await using var fixture = await AdminFixture.StartAsync();
        Assert.Equal(HttpStatusCode.Unauthorized, (await fixture.SendAsync(HttpMethod.Post, Path)).StatusCode);
        Assert.Equal((HttpStatusCode.Conflict, true), await AskAsync("There is no account yet"));
        fixture.Certificates.KeyChanges = null;
        Assert.Equal((HttpStatusCode.Conflict, true), await AskAsync("Something is being ordered at this moment"));
        fixture.Certificates.KeyChanges = [new(new("https://one.test/dir"), null), new(new("https://two.test/dir"), "two.test took too long to answer")];
        Assert.Equal((HttpStatusCode.BadGateway, true), await AskAsync("https://one.test/dir: a new key. https://two.test/dir: the old key goes on: two.test took too long to answer"));
        fixture.Certificates.KeyChanges = [new(new("https://one.test/dir"), null)];
        Assert.Equal((HttpStatusCode.OK, true), await AskAsync("""{"accounts":["https://one.test/dir"]}"""));

        async Task<(HttpStatusCode Status, bool IsSaid)> AskAsync(string said)
        {
            using var answer = await fixture.SendAsync(HttpMethod.Post, Path, AdminFixture.Token);
            return (answer.StatusCode, (await answer.Content.ReadAsStringAsync()).Contains(said, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Status_has_the_shape_that_programs_hold_on_to()
    {
        await using var admin = await AdminFixture.StartAsync();
        admin.Report("spot-1", BackendState.Serving, healthy: true, "2 checks passed");
        admin.Pools.Current.Backends[new BackendId("spot-1")].Load.Enter();
        admin.Desk.Histories["spot-1"] = new() { Preemptions = 3, LastPreemption = DateTimeOffset.UnixEpoch, LastOutage = TimeSpan.FromSeconds(71.44) };
        admin.Desk.Histories["spot-2"] = new()
        {
            Outage = "20260101T000000Z-spot-2",
            NextAttempt = admin.Time.GetUtcNow() + TimeSpan.FromSeconds(5),
            Cost = new(0.02, 0.1, 0.08),
        };

        Assert.Equal(
            $$$"""
            {"name":"front-1","version":"{{{BuildInfo.Version}}}","state":"proxy","since":"2026-01-01T00:00:00.000Z","leader":true,"backends":[{"name":"spot-1","instance":"process/spot-1","address":"127.0.0.1","state":"serving","since":"2026-01-01T00:00:00.000Z","reason":"2 checks passed","healthy":true,"connections":1,"preemptions":3,"lastPreemption":"1970-01-01T00:00:00.000Z","outage":null,"lastOutageSeconds":71.4,"nextAttempt":null,"cost":null,"users":7},{"name":"spot-2","instance":"process/spot-2","address":"127.0.0.1","state":"unknown","since":"2026-01-01T00:00:00.000Z","reason":"not checked yet","healthy":false,"connections":0,"preemptions":0,"lastPreemption":null,"outage":"20260101T000000Z-spot-2","lastOutageSeconds":null,"nextAttempt":"2026-01-01T00:00:05.000Z","cost":{"cost":0.02,"onDemand":0.1,"saved":0.08},"users":0}],"pools":[{"name":"web","active":["spot-1"],"policy":"activeStandby","backends":["spot-1","spot-2"]}],"listeners":[{"name":"ssh","bind":["0.0.0.0:22"],"protocol":"tcp","engine":"managed","pool":"web","bound":true,"connections":3,"held":1,"accepted":17,"refused":2}],"certificates":[],"certificateSync":[],"keySync":[{"backend":"spot-1","users":7,"lastSuccess":null,"lastError":"it answered 401"}],"configuration":{"file":"/etc/sentinel/sentinel.json","loadedAt":"2026-01-01T00:00:00.000Z","lastReload":null,"errors":[]}}
            """,
            await admin.Http.GetStringAsync("/status"));
    }

    [Fact]
    public async Task The_sentinels_state_follows_its_pools_and_remembers_since_when()
    {
        await using var admin = await AdminFixture.StartAsync();
        Assert.Equal("maintenance", (await StatusAsync(admin)).State);

        admin.Time.Advance(TimeSpan.FromSeconds(5));
        admin.Report("spot-2", BackendState.Serving, healthy: true);
        admin.Time.Advance(TimeSpan.FromSeconds(5));
        admin.Report("spot-1", BackendState.Serving, healthy: true);

        var status = await StatusAsync(admin);
        Assert.Equal(("proxy", admin.Time.GetUtcNow() - TimeSpan.FromSeconds(5)), (status.State, status.Since));
    }

    [Fact]
    public async Task Ready_means_bound_and_served()
    {
        await using var admin = await AdminFixture.StartAsync();
        admin.Listeners = [];

        using var unready = await admin.SendAsync(HttpMethod.Get, "/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, unready.StatusCode);
        var problem = await ProblemAsync(unready);
        Assert.Equal(["ssh"], problem.Listeners);
        Assert.Equal(["web"], problem.Pools);

        admin.Listeners = [new ListenerStatus(admin.Configuration.Listeners[0], Bound: true, "managed", 0, 0, 0, 0)];
        admin.Report("spot-2", BackendState.Serving, healthy: true);
        Assert.Equal("""{"status":"ready"}""", await admin.Http.GetStringAsync("/readyz"));
    }

    [Fact]
    public async Task Health_names_the_loop_that_fell_silent()
    {
        await using var admin = await AdminFixture.StartAsync();
        using var loop = admin.Loops.Add("relay.ssh");
        Assert.Equal("""{"status":"ok"}""", await admin.Http.GetStringAsync("/healthz"));

        admin.Time.Advance(TimeSpan.FromSeconds(31));

        using var stuck = await admin.SendAsync(HttpMethod.Get, "/healthz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, stuck.StatusCode);
        Assert.Equal(["relay.ssh"], (await ProblemAsync(stuck)).Loops);
        loop.Beat();
        Assert.Equal("""{"status":"ok"}""", await admin.Http.GetStringAsync("/healthz"));
    }

    [Fact]
    public async Task Metrics_come_as_prometheus_wants_them()
    {
        await using var admin = await AdminFixture.StartAsync();

        using var response = await admin.SendAsync(HttpMethod.Get, "/metrics");

        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", response.Content.Headers.ContentType!.ToString());
        Assert.Contains("# TYPE dotnet_", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("recover", OperatorRequest.Recover)]
    [InlineData("drain", OperatorRequest.Drain)]
    [InlineData("resume", OperatorRequest.Resume)]
    [InlineData("release", OperatorRequest.Release)]
    internal async Task An_operator_is_heard(string verb, OperatorRequest expected)
    {
        await using var admin = await AdminFixture.StartAsync();

        using var response = await admin.SendAsync(HttpMethod.Post, $"/v1/backends/spot-1/{verb}", AdminFixture.Token);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal([("spot-1", expected)], admin.Desk.Asked);
        Assert.Equal("spot-1", JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), AdminJson.Default.BackendDocument)!.Name);
    }

    [Fact]
    public async Task What_makes_no_sense_now_is_a_conflict_that_says_why()
    {
        await using var admin = await AdminFixture.StartAsync();
        admin.Desk.Refusal = "spot-1 is not held.";

        using var response = await admin.SendAsync(HttpMethod.Post, "/v1/backends/spot-1/release", AdminFixture.Token);

        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
        Assert.Equal("spot-1 is not held.", (await ProblemAsync(response)).Detail);
    }

    [Theory]
    [InlineData("GET", "/nowhere", 404)]
    [InlineData("GET", "/outages/none", 404)]
    [InlineData("GET", "/v1/backends/none", 404)]
    [InlineData("POST", "/v1/backends/none/recover", 404)]
    [InlineData("POST", "/v1/backends/spot-1/explode", 404)]
    [InlineData("POST", "/status", 405)]
    [InlineData("GET", "/v1/backends/spot-1/recover", 405)]
    [InlineData("POST", "/v1/backends/none/drill", 404)]
    public async Task Errors_are_problem_details(string method, string path, int status)
    {
        await using var admin = await AdminFixture.StartAsync();

        using var response = await admin.SendAsync(new HttpMethod(method), path, AdminFixture.Token);

        Assert.Equal(status, (int)response.StatusCode);
        var problem = await ProblemAsync(response);
        Assert.Equal((status, "about:blank"), (problem.Status, problem.Type));
        Assert.NotEmpty(problem.Title);
        Assert.NotEmpty(problem.Detail);
        Assert.Empty(admin.Desk.Asked);
    }

    [Fact]
    public async Task Outages_are_told_one_by_one_and_together()
    {
        await using var admin = await AdminFixture.StartAsync();
        admin.Desk.Recorded.Add(new OutageDocument
        {
            Id = "20260101T000000Z-spot-1",
            Backend = "spot-1",
            Cause = "preempted",
            StartedAt = admin.Time.GetUtcNow(),
            Seconds = 71.4,
            Attempts = 1,
            Waits = new(3, 2, 1, 0, 0),
            Timeline = [new(admin.Time.GetUtcNow(), "opened", "cloud", "preempted")],
        });

        var one = """{"id":"20260101T000000Z-spot-1","backend":"spot-1","cause":"preempted","startedAt":"2026-01-01T00:00:00.000Z","endedAt":null,"seconds":71.4,"attempts":1,"calls":0,"durations":{"detectedSeconds":null,"stoppedSeconds":null,"startedSeconds":null,"healthySeconds":null,"totalSeconds":null,"oursSeconds":null},"waits":{"held":3,"served":2,"expired":1,"left":0,"refused":0},"cost":null,"timeline":[{"at":"2026-01-01T00:00:00.000Z","what":"opened","source":"cloud","detail":"preempted"}],"omitted":0}""";
        Assert.Equal(one, await admin.Http.GetStringAsync("/outages/20260101T000000Z-spot-1"));
        Assert.Equal($$"""{"outages":[{{one}}]}""", await admin.Http.GetStringAsync("/outages"));
    }

    [Fact]
    public async Task A_port_that_is_taken_is_explained()
    {
        await using var admin = await AdminFixture.StartAsync();

        var (server, error) = await AdminServer.StartAsync(
            new IPEndPoint(IPAddress.Loopback, admin.Server.Bound.Port), admin.InForce, admin.Api, admin.Page, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, default);

        Assert.Null(server);
        Assert.StartsWith($"admin.bind 127.0.0.1:{admin.Server.Bound.Port}: in use: another program listens there", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_comes_before_the_configuration_is_in_force_waits_for_it()
    {
        await using var admin = await AdminFixture.StartAsync();
        var (server, error) = await AdminServer.StartAsync(
            new IPEndPoint(IPAddress.Loopback, 0), admin.InForce, admin.Api, admin.Page, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, default);
        Assert.Null(error);
        await using (server)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(server!.Bound);
            var stream = client.GetStream();
            await stream.WriteAsync("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
            var answer = stream.ReadAsync(new byte[12]).AsTask();

            // an answer to a later request on a server in force: the earlier one has been seen by then
            (await admin.Http.GetAsync("/healthz")).EnsureSuccessStatusCode();
            Assert.False(answer.IsCompleted);

            server.PutInForce();
            Assert.Equal(12, await answer.WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System));
        }
    }

    [Fact]
    public async Task One_that_is_never_put_in_force_answers_nobody()
    {
        await using var admin = await AdminFixture.StartAsync();
        var (server, _) = await AdminServer.StartAsync(
            new IPEndPoint(IPAddress.Loopback, 0), admin.InForce, admin.Api, admin.Page, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, default);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{server!.Bound.Port}") };
        var answer = http.GetAsync("/healthz");

        await server.DisposeAsync();

        await Assert.ThrowsAsync<HttpRequestException>(() => answer);
    }

    private static async Task<StatusDocument> StatusAsync(AdminFixture admin) =>
        JsonSerializer.Deserialize(await admin.Http.GetStringAsync("/status"), AdminJson.Default.StatusDocument)!;

    private static async Task<ProblemDocument> ProblemAsync(HttpResponseMessage response)
    {
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.ToString());
        return JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), ProblemJson.Default.ProblemDocument)!;
    }
}
