using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.EndToEnd;

/// <summary>The daemon is killed in the middle of an issuance, wherever that is.</summary>
public sealed partial class IssuanceTests : IAsyncLifetime
{
    private const string Name = "app.example.test";

    private readonly Sandbox _sandbox = new();
    private Pebble? _pebble;
    private AcmeFront? _front;

    private string Store => Path.Combine(_sandbox.State, "certificates");

    private string Manifest => Path.Combine(Store, "manifest.json");

    private string Record => Directory.GetFiles(Path.Combine(Store, "orders"), "*.json").Single();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await StuckDisk.ReleaseAsync(Manifest + ".tmp");
        await _sandbox.DisposeAsync();
        if (_front is not null)
        {
            await _front.DisposeAsync();
        }

        if (_pebble is not null)
        {
            await _pebble.DisposeAsync();
        }
    }

    /// <summary>At each kind of request: the authority has done what was asked, and nobody hears its answer any more.</summary>
    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task Killed_at_each_step_of_an_issuance_it_still_needs_one_order_and_one_account()
    {
        // An authority that refuses a nonce has done nothing.
        _pebble = await Pebble.StartAsync(_sandbox.PathOf("pebble"), new() { Target = _sandbox.Front, HttpPort = 8080, TlsPort = 1, RefusedNonces = 0 });
        _front = await AcmeFront.StartAsync(_sandbox.PathOf("front"), _pebble.Directory);
        var steps = new List<string>();
        SentinelProcess? sentinel = null;
        _front.Done = async path =>
        {
            var step = Step().Match(path).Value;
            if (!steps.Contains(step))
            {
                if (step == "chalZ")
                {
                    // What the authority does then is to look.
                    await Eventually.TrueAsync(() => _pebble.Log.Contains("VALID by completed challenge", StringComparison.Ordinal));
                }

                steps.Add(step);
                await sentinel!.KillAsync();
            }
        };

        var resumed = 0;
        while (true)
        {
            sentinel = _sandbox.Launch(Configuration());
            var before = steps.Count;
            await Eventually.TrueAsync(async () => sentinel.HasExited || await HoldsAsync(sentinel), TimeSpan.FromSeconds(60), $"{Name} is held or the daemon is killed after {string.Join(", ", steps)}");
            resumed += sentinel.Events("certificate.order.resumed").Count();
            if (!sentinel.HasExited)
            {
                break;
            }

            Assert.Equal(before + 1, steps.Count);
            AssertWhole();
            LetTheMinutePass();
        }

        Assert.Equal(["dir", "nonce-plz", "sign-me-up", "my-account", "list-orderz", "order-plz", "my-order", "authZ", "chalZ", "finalize-order", "certZ"], steps);
        Assert.Equal((1, 1), (_pebble.Orders, _pebble.Accounts));
        Assert.InRange(resumed, 1, steps.Count);
        AssertWhole();
        await Eventually.TrueAsync(() => Directory.GetFiles(Store, "*.tmp", SearchOption.AllDirectories).Length == 0);
        await Eventually.TrueAsync(() => !File.ReadAllText(Record).Contains("PRIVATE KEY", StringComparison.Ordinal));
        Assert.Equal(0, (int)JsonNode.Parse(await File.ReadAllTextAsync(Record))!["failures"]!);
        Assert.Null((string?)(await sentinel.StatusAsync())["certificates"]![0]!["lastError"]);
    }

    [NeedsFact("pebble", "pebble-challtestsrv", "strace", "root")]
    public async Task Killed_while_the_certificate_is_written_it_has_it_all_the_same()
    {
        _pebble = await Pebble.StartAsync(_sandbox.PathOf("pebble"), new() { Target = _sandbox.Front, HttpPort = 8080, TlsPort = 1 });
        _front = await AcmeFront.StartAsync(_sandbox.PathOf("front"), _pebble.Directory);
        var first = await _sandbox.StartAsync(Configuration(), new() { Stuck = Manifest + ".tmp" });
        await Eventually.TrueAsync(() => File.Exists(Manifest + ".tmp"), TimeSpan.FromSeconds(60));
        Assert.True(await HoldsAsync(first));

        // The thread that waits for the disk is none that a client needs, whichever of the daemon's learns of its socket.
        Assert.Equal(8, (await first.StatusesAsync(8)).Length);
        var serial = await SerialAsync(first);

        // Dead at once; it is buried once nobody traces it any more.
        await first.Signal("KILL");
        await StuckDisk.ReleaseAsync(Manifest + ".tmp");
        await first.ExitAsync();
        Assert.False(File.Exists(Manifest));
        Assert.Contains("PRIVATE KEY", await File.ReadAllTextAsync(Record), StringComparison.Ordinal);

        var second = await _sandbox.StartAsync(Configuration());

        Assert.Equal(serial, await SerialAsync(second));
        await Eventually.TrueAsync(() => Directory.GetFiles(Store, "*.tmp", SearchOption.AllDirectories).Length == 0);
        Assert.Equal(1, _pebble.Orders);
    }

    private static async Task<string?> SerialAsync(SentinelProcess sentinel) => (string?)(await sentinel.StatusAsync())["certificates"]![0]!["serialNumber"];

    private static async Task<bool> HoldsAsync(SentinelProcess sentinel)
    {
        try
        {
            return (await sentinel.StatusAsync())["certificates"]!.AsArray().Any(certificate => (string?)certificate!["notAfter"] is not null);
        }
        catch (HttpRequestException)
        {
            return false; // not up yet, or killed
        }
    }

    /// <summary>Every file is there whole. What was not finished bears another name.</summary>
    private void AssertWhole()
    {
        foreach (var file in Directory.GetFiles(Store, "*", SearchOption.AllDirectories))
        {
            switch (Path.GetExtension(file))
            {
                case ".json":
                    Assert.NotNull(JsonNode.Parse(File.ReadAllText(file)));
                    break;
                case ".pem":
                    Assert.Equal(["PRIVATE KEY", "CERTIFICATE"], Label().Matches(File.ReadAllText(file)).Select(label => label.Groups[1].Value).Distinct());
                    break;
                default:
                    Assert.Equal(".tmp", Path.GetExtension(file));
                    break;
            }
        }
    }

    /// <summary>After a death before an order is on record, none is placed for a minute; an order that is, is gone on with at once.</summary>
    private void LetTheMinutePass()
    {
        var record = JsonNode.Parse(File.ReadAllText(Record))!;
        var now = TimeProvider.System.GetUtcNow();
        Assert.InRange((DateTimeOffset)record["nextTry"]!, now, now.AddHours(7));
        if (record["order"] is null)
        {
            record["nextTry"] = now;
            File.WriteAllText(Record, record.ToJsonString());
        }
    }

    private object Configuration() => new
    {
        backends = new { one = new { address = _sandbox.Address(10), health = new { kind = "tcp", port = 8080, interval = "1s" } } },
        pools = new { web = new { backends = new[] { "one" } } },
        listeners = new { http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080 } },
        certificates = new { acme = new { directory = _front!.Directory, caFile = _front.CaFile, names = (string[][])[[Name]] } },
    };

    [GeneratedRegex("[^/]+")]
    private static partial Regex Step();

    [GeneratedRegex("-----END ([A-Z ]+)-----")]
    private static partial Regex Label();
}
