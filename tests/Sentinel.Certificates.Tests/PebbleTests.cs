using System.Security.Cryptography.X509Certificates;
using Sentinel.Backends;
using Sentinel.Certificates.Acme;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>Orders at a real authority that refuses every second nonce.</summary>
public sealed class PebbleTests : IAsyncLifetime
{
    private static readonly TimeSpan PastThePause = TimeSpan.FromMinutes(1.5);
    private static readonly EquatableNames Names = new(["example.test", "www.example.test"]);

    private readonly ShiftedTime _time = new();
    private readonly Rig _rig;
    private Pebble? _pebble;

    public PebbleTests() => _rig = new(_time);

    private Pebble Pebble => _pebble!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        if (_pebble is not null)
        {
            await _pebble.DisposeAsync();
        }
    }

    [NeedsTheory("pebble", "pebble-challtestsrv")]
    [InlineData(ChallengeKind.Http01, KeyKind.Ec256, "1.2.840.10045.2.1")]
    [InlineData(ChallengeKind.TlsAlpn01, KeyKind.Ec384, "1.2.840.10045.2.1")]
    [InlineData(ChallengeKind.Http01, KeyKind.Rsa2048, "1.2.840.113549.1.1.1")]
    public async Task A_certificate_for_several_names_is_obtained(ChallengeKind challenge, KeyKind key, string algorithm)
    {
        await BeginAsync();
        _rig.Start(Settings(acme => acme with { Challenge = challenge, KeyType = key }));

        await _rig.UntilHeldAsync("example.test");

        var shown = _rig.Service.Find("www.example.test", takesEcdsa: true)!;
        Assert.Equal(algorithm, shown.TargetCertificate.GetKeyAlgorithm());
        await AssertTrustedAsync(shown.TargetCertificate, [.. shown.IntermediateCertificates]);
        Assert.Null(_rig.Service.Find("other.test", takesEcdsa: true));
        Assert.All(Directory.GetFiles(_rig.Store, "*", SearchOption.AllDirectories), AssertOwnersAlone);
        Assert.DoesNotContain("PRIVATE KEY", _rig.Logs.Text, StringComparison.Ordinal);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task After_a_restart_it_is_shown_and_not_ordered_again()
    {
        await BeginAsync();
        _rig.Start(Settings());
        await _rig.UntilHeldAsync("example.test");
        var before = _rig.Status("example.test").SerialNumber;
        await _rig.StopAsync();
        await Pebble.StopAsync();

        _rig.Start(Settings());

        Assert.Equal(before, _rig.Status("example.test").SerialNumber);
        Assert.NotNull(_rig.Service.Find("example.test", takesEcdsa: false));
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task It_is_renewed_ten_times_under_load_by_an_authority_that_forgets_and_goes_away()
    {
        await BeginAsync();
        _rig.Start(Settings());
        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.renewed", StringComparison.Ordinal));
        using var stop = new CancellationTokenSource();
        var load = Handshakes.RunAsync(_rig, "example.test", stop.Token);

        for (var i = 1; i <= 10; i++)
        {
            if (i == 4)
            {
                await Pebble.RestartAsync();
            }
            else if (i == 7)
            {
                await Pebble.StopAsync();
                _time.Jump(PastThePause);
                await Eventually.TrueAsync(() => _rig.Service.Renew("example.test").Result == RenewResult.Accepted);
                await Eventually.TrueAsync(() => _rig.Status("example.test").LastError is not null);
                await Pebble.BeginAsync();
            }

            var before = _rig.Status("example.test").SerialNumber;
            _time.Jump(PastThePause * 2);
            await Eventually.TrueAsync(() => _rig.Service.Renew("www.example.test").Result == RenewResult.Accepted);
            await Eventually.TrueAsync(() => _rig.Status("example.test").SerialNumber != before && _rig.Logs.Text.Split("certificate.renewed").Length == i + 2, TimeSpan.FromSeconds(40), $"renewal {i}: {_rig.Logs.Text}");
        }

        await stop.CancelAsync();
        var (good, seen) = await load;
        Assert.True(good > 20);
        Assert.True(seen > 5);
        Assert.Null(_rig.Status("example.test").LastError);
        Assert.Contains("certificate.account.gone", _rig.Logs.Text, StringComparison.Ordinal);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task A_name_that_leads_elsewhere_is_told_whole_and_not_tried_again_at_once()
    {
        await BeginAsync();
        await Pebble.TellDnsAsync("set-servfail", new { host = "www.example.test" });
        _rig.Start(Settings());

        await Eventually.TrueAsync(() => _rig.Status("example.test").LastError is not null);

        var status = _rig.Status("example.test");
        Assert.Contains("www.example.test", status.LastError, StringComparison.Ordinal);
        Assert.Contains("connection: ", status.LastError, StringComparison.Ordinal);
        Assert.InRange(status.RenewAt!.Value, _time.GetUtcNow().AddSeconds(30), _time.GetUtcNow().AddSeconds(70));
        Assert.Equal(RenewResult.TooSoon, _rig.Service.Renew("example.test").Result);
        Assert.Equal(RenewResult.UnknownName, _rig.Service.Renew("unknown.test").Result);
        await _rig.StopAsync();
        _rig.Start(Settings());
        Assert.Equal(status.RenewAt, _rig.Status("example.test").RenewAt);

        await Pebble.TellDnsAsync("clear-servfail", new { host = "www.example.test" });
        _time.Jump(PastThePause);
        await _rig.UntilHeldAsync("example.test");
        Assert.Equal(2, Pebble.Orders);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task External_accounts_are_bound()
    {
        var key = new string('A', 43);
        await BeginAsync(new() { ExternalKeys = new Dictionary<string, string> { ["kid-1"] = key } });
        var file = Path.Combine(_rig.Folder, "eab");
        await File.WriteAllTextAsync(file, key + "\n");

        var refused = await Assert.ThrowsAsync<AcmeException>(() => OrderAsync(Settings().Acme!));
        Assert.Contains("set certificates.acme.eab", refused.Message, StringComparison.Ordinal);
        var held = await OrderAsync(Settings(acme => acme with { ExternalAccount = new("kid-1", file) }).Acme!);

        await AssertTrustedAsync(held.Leaf, [.. held.Above]);
        refused = await Assert.ThrowsAsync<AcmeException>(() => OrderAsync(Settings(acme => acme with { ExternalAccount = new("kid-2", file) }).Acme!, accounts: "other"));
        Assert.DoesNotContain(key, refused.ToString(), StringComparison.Ordinal);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task Keys_roll_over_and_certificates_are_revoked()
    {
        await BeginAsync();
        var settings = Settings().Acme!;
        using var client = Client(settings);
        var held = await OrderAsync(settings, client);
        var before = (await client.KeyAsync(default)).Thumbprint;

        await client.RollKeyAsync(default);
        await client.RevokeAsync(held.Leaf, reason: 4, default);

        Assert.NotEqual(before, (await client.KeyAsync(default)).Thumbprint);
        var again = await Assert.ThrowsAsync<AcmeException>(() => client.RevokeAsync(held.Leaf, reason: 4, default));
        Assert.True(again.Problem.Is("alreadyRevoked"), again.Message);
        using var next = Client(settings);
        Assert.NotNull(await OrderAsync(settings, next));
        Assert.Single(Pebble.Log.Split('\n'), line => line.Contains("There are now 1 accounts", StringComparison.Ordinal));
    }

    [NeedsFact("pebble", "pebble-challtestsrv", "curl")]
    public async Task A_wildcard_is_proved_by_a_record_that_a_program_writes_and_removes_and_that_appears_late()
    {
        await BeginAsync();
        var hook = Path.Combine(_rig.Folder, "hook");
        await File.WriteAllTextAsync(hook, $$"""
            echo "$1 $2" >> {{hook}}.log
            [ "$1" = present ] && { { sleep 1; exec curl -sSf -d "{\"host\":\"$2.\",\"value\":\"$3\"}" {{Pebble.DnsManagement}}set-txt; } > /dev/null 2>&1 & exit 0; }
            [ "$1" = cleanup ] && exec curl -sSf -d "{\"host\":\"$2.\"}" {{Pebble.DnsManagement}}clear-txt
            """);
        _rig.Start(Settings(acme => acme with { Challenge = ChallengeKind.Dns01, DnsHook = ["/bin/sh", hook], DnsResolvers = [Pebble.Dns], Names = [(EquatableList<string>)["*.lab.example.test"]] }));

        await _rig.UntilHeldAsync("*.lab.example.test");

        Assert.NotNull(_rig.Service.Find("anything.lab.example.test", takesEcdsa: true));
        Assert.Equal(["present _acme-challenge.lab.example.test", "cleanup _acme-challenge.lab.example.test"], await File.ReadAllLinesAsync(hook + ".log"));
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task The_chain_that_is_preferred_is_chosen()
    {
        await BeginAsync(new() { AlternateRoots = 1 });
        using var other = X509Certificate2.CreateFromPem(await Pebble.RootAsync(1));
        var name = other.GetNameInfo(X509NameType.SimpleName, forIssuer: false);

        var held = await OrderAsync(Settings(acme => acme with { PreferredChain = name }).Acme!);
        var usual = await OrderAsync(Settings(acme => acme with { PreferredChain = "nobody" }).Acme!);

        Assert.Equal(name, held.Above[^1].GetNameInfo(X509NameType.SimpleName, forIssuer: true));
        Assert.NotEqual(name, usual.Above[^1].GetNameInfo(X509NameType.SimpleName, forIssuer: true));
    }

    [NeedsTheory("pebble", "pebble-challtestsrv")]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    public async Task A_daemon_that_dies_within_an_order_goes_on_with_it(int dies, int orders)
    {
        await BeginAsync();
        var settings = Settings().Acme!;
        using var client = Client(settings);
        var kept = new CourseRecord { Names = Names.ToString() };
        var writes = 0;
        void Keep(CourseRecord record)
        {
            kept = record;
            if (++writes == dies)
            {
                throw new InvalidOperationException("killed");
            }
        }

        await Assert.ThrowsAsync<InvalidOperationException>(() => Issue(client, settings).RunAsync(Names, kept, Keep, null, default));
        var held = await Issue(client, settings).RunAsync(Names, kept, record => kept = record, null, default);

        await AssertTrustedAsync(held.Leaf, [.. held.Above]);
        Assert.Equal(orders, Pebble.Orders);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task A_hook_that_does_not_end_keeps_no_daemon_from_ending()
    {
        await BeginAsync();
        var hook = Path.Combine(_rig.Folder, "hook");
        await File.WriteAllTextAsync(hook, $"echo \"$1\" >> {hook}.log\n[ \"$1\" = cleanup ] && exec sleep 600\nexit 0\n");
        _rig.Start(Settings(acme => acme with { Challenge = ChallengeKind.Dns01, DnsHook = ["/bin/sh", hook], DnsResolvers = [Pebble.Dns] }));
        await Eventually.TrueAsync(() => File.Exists(hook + ".log"));

        await _rig.StopAsync().WaitAsync(TimeSpan.FromSeconds(9), TimeProvider.System);

        Assert.Equal(0, Pebble.Log.Split("challenge").Count(line => line.Contains("validat", StringComparison.OrdinalIgnoreCase) && line.Contains("dns", StringComparison.Ordinal)));
    }

    [NeedsFact("pebble", "pebble-challtestsrv", "linux", "root", "mount", "umount", "dd")]
    public async Task A_full_disk_loses_nothing_says_what_to_do_and_is_over_when_there_is_room()
    {
        await BeginAsync();
        await using var front = await AcmeFront.StartAsync(Path.Combine(_rig.Folder, "front"), Pebble.Directory);
        var settings = Settings(acme => acme with { Directory = front.Directory, CaFile = front.CaFile });
        var fill = Path.Combine(_rig.Store, "fill");
        void Fill() => Run("dd", "if=/dev/zero", $"of={fill}", "bs=4k");
        Directory.CreateDirectory(_rig.Store);
        Run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", _rig.Store);
        try
        {
            Fill();
            _rig.Start(settings);
            await Eventually.TrueAsync(() => _rig.Status("example.test").LastError is not null);
            Assert.Contains($"Make room in {_rig.Store}", _rig.Status("example.test").LastError, StringComparison.Ordinal);
            Assert.Equal(0, Pebble.Orders);

            // There is room until the moment at which the certificate comes.
            front.Done = path => path.Contains("certZ", StringComparison.Ordinal) ? Task.Run(Fill) : Task.CompletedTask;
            File.Delete(fill);
            _time.Jump(PastThePause);
            await _rig.UntilHeldAsync("example.test");
            await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.renewed", StringComparison.Ordinal));
            Assert.Contains("certificate.store.failed: 1 certificates (the first for example.test www.example.test) are in force but cannot be written", _rig.Logs.Text, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles(_rig.Store, "*.pem"));
            var serial = _rig.Status("example.test").SerialNumber;

            // Killed now, it would have the order and its key.
            Assert.Contains("PRIVATE KEY", await File.ReadAllTextAsync(Directory.GetFiles(Path.Combine(_rig.Store, "orders")).Single()), StringComparison.Ordinal);
            File.Delete(fill);
            await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.store.recovered", StringComparison.Ordinal));
            await _rig.StopAsync();
            _rig.Start(settings);
            Assert.Equal(serial, _rig.Status("example.test").SerialNumber);
            Assert.Equal(1, Pebble.Orders);
        }
        finally
        {
            await _rig.StopAsync();
            Run("umount", "-l", _rig.Store);
        }
    }

    [NeedsTheory("pebble", "pebble-challtestsrv")]
    [InlineData(365)]
    [InlineData(-365)]
    public async Task A_clock_that_is_wrong_by_a_year_is_told(int days)
    {
        await BeginAsync();
        _time.Jump(TimeSpan.FromDays(days));
        _rig.Start(Settings());

        await Eventually.TrueAsync(() => _rig.Status("example.test").LastError is not null);

        Assert.Contains("is its clock right?", _rig.Status("example.test").LastError, StringComparison.Ordinal);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task The_authority_says_when_to_renew_and_hears_what_is_replaced()
    {
        await BeginAsync();
        await using var front = await AcmeFront.StartAsync(Path.Combine(_rig.Folder, "front"), Pebble.Directory);
        front.Profiles["shortlived"] = "six days";
        var now = _time.GetUtcNow();
        front.Window = (now.AddDays(20), now.AddDays(21));
        var settings = Settings(acme => acme with { Directory = front.Directory, CaFile = front.CaFile, Profile = "shortlived" });
        _rig.Start(settings);
        await _rig.UntilHeldAsync("example.test");
        await Eventually.TrueAsync(() => _rig.Status("example.test").RenewAt < now.AddDays(22));
        var first = _rig.Service.Find("example.test", takesEcdsa: true)!.TargetCertificate;
        Assert.InRange(_rig.Status("example.test").RenewAt!.Value, now.AddDays(20), now.AddDays(21));

        // The authority wants it back at once, as when it must revoke.
        front.Window = (now.AddDays(-2), now.AddDays(-1));
        _time.Jump(TimeSpan.FromHours(7));
        await Eventually.TrueAsync(() => _rig.Status("example.test").SerialNumber != first.SerialNumber);

        Assert.Equal(["shortlived", "shortlived"], front.Orders.Take(2).Select(order => (string?)order["profile"]));
        Assert.Null(front.Orders.First()["replaces"]);
        Assert.Equal(CertificateId.Of(first), (string?)front.Orders.ElementAt(1)["replaces"]);
        Assert.Equal(CertificateId.Of(first), front.Asked.First());

        var refused = await Assert.ThrowsAsync<AcmeException>(() => OrderAsync(settings.Acme! with { Profile = "classic" }));
        Assert.Contains("has no profile \"classic\": it has shortlived", refused.Message, StringComparison.Ordinal);
    }

    private static void Run(string program, params string[] arguments)
    {
        // A disk that is full is what dd is there for.
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(Needs.Find(program)!, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
    }

    private static void AssertOwnersAlone(string file)
    {
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    private async Task BeginAsync(PebbleOptions? options = null) =>
        _pebble = await Pebble.StartAsync(Path.Combine(_rig.Folder, "pebble"), (options ?? new()) with { HttpPort = _rig.HttpPort, TlsPort = _rig.TlsPort });

    private CertificateSettings Settings(Func<AcmeSettings, AcmeSettings>? change = null)
    {
        var acme = new AcmeSettings { Directory = Pebble.Directory, CaFile = Pebble.CaFile, Email = "ops@example.test", Names = [(EquatableList<string>)[.. Names]] };
        return new() { Acme = change is null ? acme : change(acme) };
    }

    private AcmeClient Client(AcmeSettings settings, string accounts = "accounts") =>
        new(settings.Directory, settings.CaFile, settings.Email, settings.ExternalAccount, Path.Combine(_rig.Folder, accounts), _time, _rig.Logs);

    private Issuance Issue(AcmeClient client, AcmeSettings settings) => new(client, settings, new Proofs(_rig.Board, _rig.Logs), _time, _rig.Logs);

    private async Task<HeldCertificate> OrderAsync(AcmeSettings settings, string accounts = "accounts")
    {
        using var client = Client(settings, accounts);
        return await OrderAsync(settings, client);
    }

    private Task<HeldCertificate> OrderAsync(AcmeSettings settings, AcmeClient client) =>
        Issue(client, settings).RunAsync(Names, new() { Names = Names.ToString() }, _ => { }, null, default);

    private async Task AssertTrustedAsync(X509Certificate2 leaf, X509Certificate2[] above)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(await Pebble.RootAsync());
        chain.ChainPolicy.ExtraStore.AddRange(above);
        Assert.True(chain.Build(leaf), string.Join(", ", chain.ChainStatus.Select(status => status.StatusInformation)));
    }
}
