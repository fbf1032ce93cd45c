using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.EndToEnd;

/// <summary>Certificates that live for minutes, and visitors all the while: the authority's clock does not wait for a busy machine, so nothing runs beside it.</summary>
[Collection(nameof(Alone))]
public sealed class RenewalTests : IAsyncLifetime
{
    private const int Names = 10;
    private static readonly TimeSpan Validity = TimeSpan.FromMinutes(3);

    private readonly Sandbox _sandbox = new();
    private readonly string[] _names = [.. Enumerable.Range(0, Names).Select(i => $"n{i}.example.test")];
    private Pebble? _pebble;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _sandbox.DisposeAsync();
        if (_pebble is not null)
        {
            await _pebble.DisposeAsync();
        }
    }

    /// <summary>Ten certificates of three minutes, each renewed once two thirds of its life are over.</summary>
    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task Ten_renewals_at_an_authority_that_forgets_and_goes_away_fail_no_handshake()
    {
        _pebble = await Pebble.StartAsync(_sandbox.PathOf("pebble"), new() { Target = _sandbox.Front, HttpPort = 8080, TlsPort = 1, Validity = Validity });
        var sentinel = await _sandbox.StartAsync(Configuration());
        await UntilAsync(sentinel, renewals: Names);
        await using var visitors = new TlsVisitors(_sandbox.Front, 8443, _names, await _pebble.RootAsync());

        // Away and back before anything is due, with no memory of anybody.
        await _pebble.StopAsync();
        await Eventually.TrueAsync(() => visitors.Good > 200);
        await _pebble.BeginAsync();
        visitors.Trust(await _pebble.RootAsync());
        await UntilAsync(sentinel, renewals: 2 * Names);
        await Eventually.TrueAsync(() => _names.All(name => visitors.Seen(name) >= 2));

        Assert.Empty(visitors.Failures);
        Assert.Empty(sentinel.Events("certificate.renewal.failed"));
        Assert.Single(sentinel.Events("certificate.account.gone"));
    }

    private static Task UntilAsync(SentinelProcess sentinel, int renewals) => Eventually.TrueAsync(
        () => sentinel.Events("certificate.renewed").Count() >= renewals, TimeSpan.FromMinutes(4), $"{renewals} were obtained: {sentinel.Log}");

    private object Configuration() => new
    {
        backends = new { one = new { address = _sandbox.Address(10), health = new { kind = "tcp", port = 8080, interval = "1s" } } },
        pools = new { web = new { backends = new[] { "one" } } },
        listeners = new
        {
            http = new { bind = new[] { $"{_sandbox.Front}:8080" }, protocol = "http", pool = "web", port = 8080 },
            https = new { bind = new[] { $"{_sandbox.Front}:8443" }, protocol = "https", pool = "web", port = 8080 },
        },
        certificates = new { acme = new { directory = _pebble!.Directory, caFile = _pebble.CaFile, names = _names.Select(name => new[] { name }) } },
    };
}

/// <summary>Tests that run by themselves, after all others.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public static class Alone;
