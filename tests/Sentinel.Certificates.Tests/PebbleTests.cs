using System.Security.Cryptography.X509Certificates;
using Sentinel.Backends;
using Sentinel.Certificates.Acme;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>What is had from an authority, and renewed.</summary>
public sealed class PebbleTests : PebbleStage
{
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
}
