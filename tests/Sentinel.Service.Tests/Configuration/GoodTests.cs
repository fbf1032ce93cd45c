using System.Net;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Watching;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Tests.Configuration;

/// <summary>What becomes of files that are right.</summary>
public sealed class GoodTests(Files files) : IClassFixture<Files>
{
    private const string Small = """
        {
          "backends": { "a": { "address": "10.0.0.1" } },
          "pools": { "web": { "backends": ["a"] } },
          "listeners": {
            "ssh": { "bind": ["0.0.0.0:22"], "protocol": "tcp", "pool": "web", "port": 22 },
            "http": { "bind": ["0.0.0.0:80"], "protocol": "http", "pool": "web", "port": 80 }
          }
        }
        """;

    [Fact]
    public void Fallbacks_are_taken_in_order_and_overridden_whole()
    {
        var configuration = files.Good("""
            {
              "recovery": { "fallbacks": [ { "machineType": "n2-highmem-8" }, { "provisioning": "standard", "atMost": "8h" } ], "recreate": { "dataDisks": ["data"] } },
              "backends": {
                "a": { "instance": "gce/us-central1-a/a", "recovery": { "startAfter": "1s" } },
                "b": { "instance": "gce/us-central1-a/b", "recovery": { "fallbacks": [ { "zone": "us-central1-b" }, { "zone": "us-central1-c", "fromSnapshot": true } ] } }
              },
              "pools": {},
              "listeners": {}
            }
            """);

        Assert.Equal([new Fallback.OtherMachine("n2-highmem-8"), new Fallback.OnDemand(TimeSpan.FromHours(8))], configuration.Backends[0].Policy.Fallbacks);
        Assert.Equal([new Fallback.OtherZone("us-central1-b", FromSnapshot: false), new Fallback.OtherZone("us-central1-c", FromSnapshot: true)], configuration.Backends[1].Policy.Fallbacks);
        Assert.Null(configuration.Backends[1].Policy.Recreate!.Template);
    }

    [Fact]
    public void What_is_left_out_has_its_default()
    {
        var listener = new ListenerSettings { Name = "ssh", Bind = [new(new(IPAddress.Any, 22), null)], Protocol = ListenerProtocol.Tcp, Pool = new("web"), Port = 22 };
        var expected = new SentinelConfiguration
        {
            Name = "front-1",
            StateDirectory = "/var/lib/sentinel",
            Backends = [new() { Definition = new() { Id = new("a"), Address = "10.0.0.1" } }],
            Pools = [new() { Id = new("web"), Backends = (EquatableList<BackendId>)[new("a")] }],
            Listeners =
            [
                listener with { Hold = TimeSpan.FromSeconds(60) },
                listener with { Name = "http", Bind = [new(new(IPAddress.Any, 80), null)], Protocol = ListenerProtocol.Http, Port = 80, Hold = TimeSpan.Zero },
            ],
        };
        Assert.Equal(expected, files.Good(Small));
    }

    [Fact]
    public void Compute_Engine_is_described_or_has_its_defaults()
    {
        var gce = files.Good(Small).Gce;
        Assert.Equal(("https://compute.googleapis.com/", "http://metadata.google.internal/", 5, 600), (gce.Endpoint.ToString(), gce.MetadataEndpoint.ToString(), Seconds(gce.WatchInterval), gce.RequestsPerMinute));
        Assert.Equal((null, GceCredentialKind.Metadata), (gce.Project, gce.Credentials.Kind));

        var configuration = files.Good("""
            {
              "clouds": { "gce": { "project": "my-project", "credentials": "none", "watchInterval": "10s", "requestsPerMinute": 60 } },
              "backends": { "a": { "instance": "gce/us-central1-a/spot-1", "recovery": { "restartWhenUserStopped": true } } },
              "pools": { "web": { "backends": ["a"] } },
              "listeners": { "ssh": { "bind": ["0.0.0.0:22"], "protocol": "tcp", "pool": "web", "port": 22 } }
            }
            """);
        Assert.Equal(new GceSettings { Project = "my-project", Credentials = new(GceCredentialKind.None), WatchInterval = TimeSpan.FromSeconds(10), RequestsPerMinute = 60 }, configuration.Gce);
        var backend = Assert.Single(configuration.Backends);
        Assert.Equal(new InstanceName("gce", "us-central1-a", "spot-1"), backend.Instance);
        Assert.Null(backend.Definition.Address);
        Assert.True(backend.Policy.RestartWhenUserStopped);
    }

    /// <summary>Against the words of the documentation, not against the types that fill them in.</summary>
    [Fact]
    public void The_defaults_are_those_of_the_documentation()
    {
        var configuration = files.Good(Small);
        Assert.Equal("127.0.0.1:8888", configuration.Admin.Bind.ToString());
        Assert.Null(configuration.Admin.Token);
        Assert.Equal((LogFormat.Json, LogLevel.Information, null), (configuration.Telemetry.Logs, configuration.Telemetry.LogLevel, configuration.Telemetry.OtlpEndpoint));
        var backend = Assert.Single(configuration.Backends);
        Assert.Equal((0, 100, null), (backend.Definition.Priority, backend.Definition.Weight, backend.Definition.Capacity));
        Assert.Null(backend.Health);
        Assert.Equal(
            (false, 0, 180, 5, 300, 0, 600, 5, 1800, 600),
            (backend.Policy.CanStart, Seconds(backend.Policy.StartAfter), Seconds(backend.Policy.StartTimeout), Seconds(backend.Policy.BackoffInitial), Seconds(backend.Policy.BackoffMax),
                Seconds(backend.Policy.HungAfter), Seconds(backend.Policy.SlowAfter), backend.Policy.FlapCount, Seconds(backend.Policy.FlapWithin), Seconds(backend.Policy.FlapPause)));
        var pool = Assert.Single(configuration.Pools);
        Assert.Equal((PoolPolicy.ActiveStandby, 30), (pool.Policy, Seconds(pool.FailbackAfter)));
        var listener = configuration.Listeners[1];
        Assert.Equal((1024, 200.0, null, 3, 0), (listener.HoldLimit, listener.HoldRelease, listener.CloseOnDown, Seconds(listener.ConnectTimeout), Seconds(listener.IdleTimeout)));
        Assert.Equal((10000, 0, 30, RelayEngine.Auto), (listener.MaxConnections, listener.MaxConnectionsPerClient, Seconds(listener.Drain), listener.Engine));
        Assert.Equal((null, true, 0L, 10), (listener.OutagePage, listener.Http2, listener.MaxRequestBody, Seconds(listener.HeaderTimeout)));
        Assert.Equal((0, false, 0, null), (listener.RequestsPerSecond, listener.RedirectToHttps, Seconds(listener.Hsts), listener.UpstreamTls));

        var health = files.Good(Small.Replace("\"10.0.0.1\"", "\"10.0.0.1\", \"health\": { \"port\": 80 }", StringComparison.Ordinal)).Backends[0].Health!;
        Assert.Equal((HealthKind.Tcp, "/", 5, 2, 2, 2), (health.Kind, health.Path, Seconds(health.Interval), Seconds(health.Timeout), health.HealthyAfter, health.UnhealthyAfter));
    }

    [Fact]
    public void Every_key_is_read()
    {
        var configuration = files.Good($$"""
            {
              "$schema": "sentinel.schema.json",
              "name": "front-2",
              "stateDirectory": "/srv/sentinel",
              "admin": { "bind": "[::1]:9999", "tokenFile": "{{files["token"]}}" },
              "clouds": { "process": {} },
              "backends": {
                "vm": {
                  "instance": "process/vm-1",
                  "address": "127.0.0.7",
                  "command": ["python3", "-m", "http.server"],
                  "workingDirectory": "{{files.Folder}}",
                  "environment": { "http_proxy": "", "HTTP_PROXY": "x" },
                  "health": { "kind": "http", "port": 8080, "path": "/healthz?full=1", "interval": "1s", "timeout": "500ms", "healthyAfter": 3, "unhealthyAfter": 4 },
                  "priority": -1,
                  "weight": 7,
                  "capacity": 50,
                  "networks": ["10.0.3.0/24", "fd00:3::/64"],
                  "prices": { "spot": 0.0067, "onDemand": 0.0335 },
                  "recovery": { "startAfter": "9s", "backoff": { "max": "9m" }, "flap": { "count": 0 } }
                },
                "far": { "address": "build.example.com" }
              },
              "pools": {
                "web": { "backends": ["vm", "far"], "policy": "activeStandby", "failbackAfter": "0s" },
                "all": { "backends": ["far"], "policy": "clientAffinity" },
                "few": { "backends": ["far"], "policy": "leastConnections" },
                "row": { "backends": ["far"], "policy": "roundRobin" }
              },
              "listeners": {
                "ssh": {
                  "bind": ["[2001:db8::1]:22", "fd:ssh"], "protocol": "tcp", "pool": "all", "port": 2222, "hold": "0s", "holdLimit": 5, "holdRelease": 0.5, "closeOnDown": false,
                  "connectTimeout": "1s", "idleTimeout": "1h", "maxConnections": 6, "maxConnectionsPerClient": 7, "drain": "1m", "engine": "managed"
                },
                "http": {
                  "bind": ["0.0.0.0:80"], "protocol": "http", "pool": "web", "port": 80, "hold": "5s", "holdRelease": "20/s", "outagePage": "{{files["page.html"]}}", "http2": false,
                  "maxRequestBody": 10000000000, "headerTimeout": "4s",
                  "requestsPerSecond": 20, "redirectToHttps": true, "upstreamTls": { "verify": true, "serverName": "App.example.com", "caFile": "{{files["page.html"]}}" },
                  "routes": [ { "host": "*.Example.com", "path": "/api/", "pool": "few", "port": 81 }, { "host": "example.com", "pool": "row", "port": 82 }, { "path": "/", "pool": "all", "port": 83 } ]
                }
              },
              "recovery": {
                "startAfter": "1s", "startTimeout": "2s", "backoff": { "initial": "3s", "max": "4s" }, "hungAfter": "5s", "slowAfter": "6s",
                "flap": { "count": 7, "within": "8s", "pause": "9s" }
              },
              "telemetry": { "logs": "text", "logLevel": "warning", "otlpEndpoint": "http://collector:4317" }
            }
            """);
        var policy = new OutagePolicy
        {
            StartAfter = Span(1),
            StartTimeout = Span(2),
            BackoffInitial = Span(3),
            BackoffMax = Span(4),
            HungAfter = Span(5),
            SlowAfter = Span(6),
            FlapCount = 7,
            FlapWithin = Span(8),
            FlapPause = Span(9),
        };
        var expected = new SentinelConfiguration
        {
            Name = "front-2",
            StateDirectory = "/srv/sentinel",
            Admin = new() { Bind = IPEndPoint.Parse("[::1]:9999"), TokenFile = files["token"], Token = new(System.Text.Encoding.UTF8.GetBytes(Files.Token)) },
            Telemetry = new() { Logs = LogFormat.Text, LogLevel = LogLevel.Warning, OtlpEndpoint = new("http://collector:4317") },
            Backends =
            [
                new()
                {
                    Definition = new() { Id = new("vm"), Instance = "process/vm-1", Address = "127.0.0.7", Priority = -1, Weight = 7, Capacity = 50, Networks = ["10.0.3.0/24", "fd00:3::/64"] },
                    Prices = new(0.0067, 0.0335),
                    Instance = new InstanceName("process", "", "vm-1"),
                    Process = new() { Command = [files["bin/python3"], "-m", "http.server"], WorkingDirectory = files.Folder, Environment = [new("http_proxy", ""), new("HTTP_PROXY", "x")] },
                    Health = new() { Kind = HealthKind.Http, Port = 8080, Path = "/healthz?full=1", Interval = Span(1), Timeout = Span(0.5), HealthyAfter = 3, UnhealthyAfter = 4 },
                    Policy = policy with { CanStart = true, StartAfter = Span(9), BackoffMax = Span(540), FlapCount = 0 },
                },
                new() { Definition = new() { Id = new("far"), Address = "build.example.com" }, Policy = policy },
            ],
            Pools =
            [
                new() { Id = new("web"), Backends = (EquatableList<BackendId>)[new("vm"), new("far")], Policy = PoolPolicy.ActiveStandby, FailbackAfter = TimeSpan.Zero },
                new() { Id = new("all"), Backends = (EquatableList<BackendId>)[new("far")], Policy = PoolPolicy.ClientAffinity },
                new() { Id = new("few"), Backends = (EquatableList<BackendId>)[new("far")], Policy = PoolPolicy.LeastConnections },
                new() { Id = new("row"), Backends = (EquatableList<BackendId>)[new("far")], Policy = PoolPolicy.RoundRobin },
            ],
            Listeners =
            [
                new()
                {
                    Name = "ssh", Bind = [new(IPEndPoint.Parse("[2001:db8::1]:22"), null), new(null, "ssh")], Protocol = ListenerProtocol.Tcp, Pool = new("all"), Port = 2222,
                    Hold = TimeSpan.Zero, HoldLimit = 5, HoldRelease = 0.5, CloseOnDown = false, ConnectTimeout = Span(1), IdleTimeout = Span(3600),
                    MaxConnections = 6, MaxConnectionsPerClient = 7, Drain = Span(60), Engine = RelayEngine.Managed,
                },
                new()
                {
                    Name = "http", Bind = [new(IPEndPoint.Parse("0.0.0.0:80"), null)], Protocol = ListenerProtocol.Http, Pool = new("web"), Port = 80,
                    Hold = Span(5), HoldRelease = 20, OutagePage = files["page.html"], Http2 = false, MaxRequestBody = 10_000_000_000, HeaderTimeout = Span(4),
                    RequestsPerSecond = 20, RedirectToHttps = true, UpstreamTls = new(Verify: true, "app.example.com", files["page.html"]),
                    Routes =
                    [
                        new() { Host = "*.example.com", Path = "/api", Pool = new("few"), Port = 81 },
                        new() { Host = "example.com", Pool = new("row"), Port = 82 },
                        new() { Path = "/", Pool = new("all"), Port = 83 },
                    ],
                },
            ],
        };
        Assert.Equal(expected, configuration);
    }

    [Fact]
    public void Keys_are_matched_without_regard_to_case() => Assert.Equal(files.Good(Small), files.Good(Small
        .Replace("\"backends\"", "\"BACKENDS\"", StringComparison.Ordinal)
        .Replace("\"protocol\"", "\"Protocol\"", StringComparison.Ordinal)));

    [Fact]
    public void A_promise_of_tls_may_last_longer_than_anything_waits() => Assert.Equal(
        TimeSpan.FromDays(180),
        files.Good(Small.Replace("\"tcp\"", "\"https\", \"hsts\": \"4320h\"", StringComparison.Ordinal)).Listeners[0].Hsts);

    [Theory]
    [InlineData("\"proxyProtocol\": \"none\", \"transparent\": false, \"acceptProxyProtocolFrom\": []")]
    [InlineData("\"TRANSPARENT\": false")]
    [InlineData("\"closeOnDown\": null, \"hold\": null")]
    public void What_changes_nothing_is_let_pass(string keys) =>
        Assert.Equal(files.Good(Small), files.Good(Small.Replace("\"port\": 22", "\"port\": 22, " + keys, StringComparison.Ordinal)));

    [Fact]
    public void Proxies_may_be_of_both_families_and_take_their_time()
    {
        var listener = files.Good(Small.Replace(
            "\"port\": 22", "\"port\": 22, \"proxyProtocol\": \"v2\", \"acceptProxyProtocolFrom\": [\"10.0.0.0/24\", \"fd00::/48\"], \"headerTimeout\": \"2s\"", StringComparison.Ordinal)).Listeners[0];
        Assert.Equal(
            (ProxyProtocol.V2, "10.0.0.0/24 fd00::/48", TimeSpan.FromSeconds(2)),
            (listener.ProxyProtocol, string.Join(' ', listener.AcceptProxyProtocolFrom), listener.HeaderTimeout));
    }

    [Fact]
    public void A_process_without_an_address_is_on_this_machine()
    {
        var backend = files.Good(Small.Replace("\"address\": \"10.0.0.1\"", "\"instance\": \"process/a\", \"command\": [\"python3\"]", StringComparison.Ordinal)).Backends[0];
        Assert.Equal("127.0.0.1", backend.Definition.Address);
        Assert.True(backend.Policy.CanStart);
    }

    [Theory]
    [InlineData("/run/state", "/run/state")]
    [InlineData("/run/state:/run/other", "/run/state")]
    [InlineData("", "/var/lib/sentinel")]
    public void The_state_directory_comes_from_the_service_manager(string variable, string expected) =>
        Assert.Equal(expected, files.Good(Small, ("STATE_DIRECTORY", variable)).StateDirectory);

    [Fact]
    public void A_systemd_credential_may_be_readable_for_its_group() =>
        Assert.True(files.Good(Small.Replace("{\n  \"backends\"", "{\n  \"admin\": { \"tokenFile\": \"${CREDENTIALS_DIRECTORY}/token\" },\n  \"backends\"", StringComparison.Ordinal), ("CREDENTIALS_DIRECTORY", files["credentials"]))
            .Admin.Token!.Matches(Files.Token));

    [Fact]
    public void Empty_pools_and_listeners_are_allowed_where_somebody_wrote_them() =>
        Assert.Empty(files.Good("""{ "backends": { "a": { "address": "10.0.0.1" } }, "pools": {}, "listeners": {} }""").Listeners);

    private static int Seconds(TimeSpan span) => (int)span.TotalSeconds;

    private static TimeSpan Span(double seconds) => TimeSpan.FromSeconds(seconds);
}
