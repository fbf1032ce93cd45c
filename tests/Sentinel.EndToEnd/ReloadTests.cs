using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.EndToEnd;

/// <summary>What <c>http</c> and <c>https</c> listeners go by changes, while clients stay, come and leave without pause.</summary>
public sealed class ReloadTests : IAsyncLifetime
{
    private const string Name = "app.example.test";
    private const int Requests = 5000;

    private readonly Sandbox _sandbox = new();
    private readonly X509Certificate2 _root = TestAuthority.Root(TimeProvider.System.GetUtcNow());
    private readonly CancellationTokenSource _enough = new();
    private SentinelProcess _sentinel = null!;

    public async Task InitializeAsync()
    {
        TestAuthority.Write(_root, _sandbox.PathOf("first"), "certificate", Name, days: 10);
        TestAuthority.Write(_root, _sandbox.PathOf("second"), "certificate", Name, days: 20);
        _sentinel = await _sandbox.StartAsync(Configuration(new()));
        await _sentinel.UntilAsync("one", "serving");
        await _sentinel.UntilAsync("two", "serving");
        await Eventually.TrueAsync(async () => (await _sentinel.StatusAsync())["certificates"]!.AsArray().Count == 1);
    }

    public async Task DisposeAsync()
    {
        await _enough.CancelAsync();
        await _sandbox.DisposeAsync();
        _root.Dispose();
        _enough.Dispose();
    }

    [NeedsFact("linux", "h2load")]
    public async Task No_request_fails_while_pool_limits_certificate_and_promises_change()
    {
        var stay = Task.WhenAll(
            StayAsync($"http://{_sandbox.Front}:8080/", "--h1"),
            StayAsync($"http://{_sandbox.Front}:8080/"),
            StayAsync($"https://{_sandbox.Front}:8443/", "--h1"),
            StayAsync($"https://{_sandbox.Front}:8443/"));
        await using var h1 = Coming($"http://{Name}:8080", HttpVersion.Version11);
        await using var h2 = Coming($"http://{Name}:8080", HttpVersion.Version20);
        await using var h1s = Coming($"https://{Name}:8443", HttpVersion.Version11);
        await using var h2s = Coming($"https://{Name}:8443", HttpVersion.Version20);
        SteadyLoad[] come = [h1, h2, h1s, h2s];

        var both = new Choices { Members = ["one", "two"] };
        var other = both with { Members = ["two"] };
        var limited = other with { MaxConnections = 5000, HeaderTimeout = "7s" };
        var renewed = limited with { Held = "second" };
        var promising = renewed with { Hsts = "4320h" };
        foreach (var choices in new[] { both, other, limited, renewed, promising, renewed, limited, other, both, new(), promising })
        {
            var before = Applied();
            _sentinel.Configure(Configuration(choices));
            await _sentinel.Signal("HUP");
            await Eventually.TrueAsync(() => Applied() > before || stay.IsFaulted);
            foreach (var clients in come)
            {
                await clients.AnsweredAsync(20);
            }
        }

        await _enough.CancelAsync();
        await stay;
        foreach (var clients in come)
        {
            Assert.Equal(0, await clients.EndAsync());
        }

        // It was in force, all of it.
        using var last = Client($"https://{Name}:8443", HttpVersion.Version20);
        using var answer = await last.GetAsync(new Uri("/", UriKind.Relative));
        Assert.Equal("two", await answer.Content.ReadAsStringAsync());
        Assert.Equal("max-age=15552000", Assert.Single(answer.Headers.GetValues("Strict-Transport-Security")));
        var held = (await _sentinel.StatusAsync())["certificates"]![0]!;
        Assert.True((DateTimeOffset)held["notAfter"]! > TimeProvider.System.GetUtcNow().AddDays(15));
    }

    private int Applied() => _sentinel.Events("config.applied").Count();

    /// <summary>Clients that ask again and again on connections that they keep, and that are not made anew if they are cut.</summary>
    private async Task StayAsync(params string[] more)
    {
        while (!_enough.IsCancellationRequested)
        {
            var report = (await Shell.RunAsync("h2load", ["-n", $"{Requests}", "-c", "4", "-m", "1", .. more])).Ok();
            Assert.EndsWith(
                $" {Requests} succeeded, 0 failed, 0 errored, 0 timeout", report.Split('\n').Single(line => line.StartsWith("requests: ", StringComparison.Ordinal)), StringComparison.Ordinal);
        }
    }

    /// <summary>Clients that come anew for each request.</summary>
    private SteadyLoad Coming(string address, Version version) => new(Client(address, version));

    /// <summary>Keeps no connection, and believes no certificate but the root's.</summary>
    private HttpClient Client(string address, Version version) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        PooledConnectionLifetime = TimeSpan.Zero,
        SslOptions = new() { CertificateChainPolicy = TestAuthority.Trust(_root) },
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(_sandbox.Front, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new(address),
        DefaultRequestVersion = version,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    private object Configuration(Choices choices)
    {
        var (maxConnections, headerTimeout) = (choices.MaxConnections, choices.HeaderTimeout);
        return new
        {
            backends = new[] { "one", "two" }.Select((name, i) => (name, address: _sandbox.Address(10 + i))).ToDictionary(vm => vm.name, vm => (object)new
            {
                instance = $"process/{vm.name}",
                vm.address,
                command = _sandbox.WebVm(vm.name, vm.address),
                health = new { kind = "http", port = 8080, interval = "1s", timeout = "5s" },
            }),
            pools = new { web = new { backends = choices.Members } },
            listeners = new
            {
                http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080, maxConnections, headerTimeout },
                https = new { bind = new[] { $"{_sandbox.Front}:8443" }, protocol = "https", pool = "web", port = 8080, maxConnections, headerTimeout, hsts = choices.Hsts },
            },
            certificates = new { sync = new[] { new { directory = _sandbox.PathOf(choices.Held) } } },
        };
    }

    /// <summary>What differs between two files.</summary>
    private sealed record Choices
    {
        public string[] Members { get; init; } = ["one"];

        public int MaxConnections { get; init; } = 10_000;

        public string HeaderTimeout { get; init; } = "10s";

        public string Held { get; init; } = "first";

        public string Hsts { get; init; } = "0s";
    }
}
