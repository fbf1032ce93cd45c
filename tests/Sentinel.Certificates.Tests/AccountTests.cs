using System.Security.Cryptography.X509Certificates;
using Sentinel.Certificates.Acme;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>Accounts and their keys, and what operators ask of an authority.</summary>
public sealed class AccountTests : PebbleStage
{
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

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task Requests_at_once_do_not_take_each_others_nonces()
    {
        await BeginAsync();
        using var client = Client(Settings().Acme!);
        // One for each: asked for the same order by many at once, Pebble may wait for itself for ever (github.com/letsencrypt/pebble/issues/554).
        var orders = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => client.OrderAsync(Names, profile: null, replaces: null, default)));

        for (var round = 0; round < 40; round++)
        {
            await Task.WhenAll(orders.Select(order => client.ReadOrderAsync(order, default)));
        }
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task What_is_revoked_is_ordered_anew_also_after_a_restart()
    {
        await BeginAsync();
        _rig.Start(Settings());
        await _rig.UntilHeldAsync("example.test");
        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.renewed", StringComparison.Ordinal));
        using var first = X509CertificateLoader.LoadCertificate(_rig.Service.Find("example.test", takesEcdsa: true)!.TargetCertificate.RawData);
        Assert.Equal(new(RevokeResult.UnknownName, null), await _rig.Service.RevokeAsync("other.test", RevocationReason.Unspecified));

        await Eventually.TrueAsync(async () => (await _rig.Service.RevokeAsync("Example.test.", RevocationReason.KeyCompromise)).Result == RevokeResult.Done);
        await _rig.StopAsync();
        using (var client = Client(Settings().Acme!, Path.Combine("certificates", "accounts")))
        {
            var again = await Assert.ThrowsAsync<AcmeException>(() => client.RevokeAsync(first, reason: 1, default));
            Assert.True(again.Problem.Is("alreadyRevoked"), again.Message);
        }

        _rig.Start(Settings());
        Assert.Equal(first.SerialNumber, _rig.Service.Find("example.test", takesEcdsa: true)!.TargetCertificate.SerialNumber);
        _time.Jump(PastThePause);
        await Eventually.TrueAsync(() => _rig.Service.Find("example.test", takesEcdsa: true)!.TargetCertificate.SerialNumber != first.SerialNumber);
        await Eventually.TrueAsync(() => _rig.Logs.Text.Split("certificate.renewed").Length == 3);
        Assert.Equal(2, Pebble.Orders);
        Assert.True(_rig.Status("example.test").RenewAt > _time.GetUtcNow().AddDays(30));

        // Without anything to order, what is held can be revoked all the same.
        await _rig.StopAsync();
        _rig.Start(Settings(acme => acme with { Names = [["other.test"]] }));
        Assert.Equal(new(RevokeResult.Done, null), await _rig.Service.RevokeAsync("www.example.test", RevocationReason.CessationOfOperation));
        Assert.Contains("certificate.revoked", _rig.Logs.Text, StringComparison.Ordinal);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task Whoever_ordered_it_revokes_it_and_a_refusal_is_told()
    {
        await BeginAsync();
        using var authority = TestAuthority.Root(_time.GetUtcNow());
        HeldCertificate Read(CertificateSource source, params string[] names)
        {
            var (chain, key) = TestAuthority.Issue(authority, names, _time.GetUtcNow().AddDays(-1), _time.GetUtcNow().AddDays(20));
            return HeldCertificate.TryRead(chain, key, source, out _)!;
        }

        await new CertificateBook(_rig.Store, _time, _rig.Logs).OfferAsync(
            [Read(new(CertificateOrigin.Backend, "spot-1"), "vm.test"), Read(CertificateSource.Acme, "stranger.test")]);
        _rig.Start(Settings(acme => acme with { Names = [] }));
        Assert.Equal(new(RevokeResult.NotOurs, "backend:spot-1"), await _rig.Service.RevokeAsync("vm.test", RevocationReason.Superseded));
        Assert.Equal(
            new(RevokeResult.Refused, "no configured authority has an account of ours that could have ordered it"),
            await _rig.Service.RevokeAsync("stranger.test", RevocationReason.Superseded));

        _rig.Service.Commit(Settings());
        await _rig.UntilHeldAsync("example.test");
        var refused = await _rig.Service.RevokeAsync("stranger.test", RevocationReason.Superseded);
        Assert.Equal(RevokeResult.Refused, refused.Result);
        Assert.StartsWith($"{Pebble.Directory}: ", refused.Detail, StringComparison.Ordinal);
    }

    [NeedsTheory("pebble", "pebble-challtestsrv")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Accounts_get_new_keys_whether_the_answer_is_heard_or_not(bool isLost)
    {
        await BeginAsync(new() { RefusedNonces = isLost ? 0 : 50 });
        await using var front = await AcmeFront.StartAsync(Path.Combine(_rig.Folder, "front"), Pebble.Directory);
        var settings = Settings(acme => acme with { Directory = front.Directory, CaFile = front.CaFile });
        var accounts = Path.Combine(_rig.Store, "accounts");
        string Key() => AccountRecord.Read(accounts, front.Directory)!.Key;
        _rig.Start(Settings(acme => acme with { Directory = front.Directory, CaFile = front.CaFile, Names = [] }));
        Assert.Empty((await _rig.Service.RollKeysAsync())!);
        await _rig.StopAsync();
        _rig.Start(settings);
        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.renewed", StringComparison.Ordinal));
        var before = Key();

        // The authority has done it and nobody hears.
        front.Done = path => isLost && path.Contains("rollover", StringComparison.Ordinal) ? throw new InvalidOperationException("the line is cut") : Task.CompletedTask;
        IReadOnlyList<KeyChangeOutcome>? outcomes = null;
        await Eventually.TrueAsync(async () => (outcomes = await _rig.Service.RollKeysAsync()) is not null);
        Assert.Equal(isLost, Assert.Single(outcomes!).Why is not null);
        Assert.Equal(isLost, before == Key());
        if (isLost)
        {
            // A daemon that dies now, too, finds out which one is in force.
            await _rig.StopAsync();
            _rig.Start(settings);
        }

        front.Done = _ => Task.CompletedTask;
        _time.Jump(PastThePause);
        await Eventually.TrueAsync(() => _rig.Service.Renew("example.test").Result == RenewResult.Accepted);
        await Eventually.TrueAsync(() => _rig.Logs.Text.Split("certificate.renewed").Length == 3, what: "renewed with the new key");

        Assert.NotEqual(before, Key());
        Assert.Equal(1, Pebble.Accounts);
        Assert.Null(AccountRecord.Read(Path.Combine(accounts, "next"), front.Directory));
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task An_account_that_was_deactivated_is_made_again_with_another_key()
    {
        await BeginAsync();
        var settings = Settings().Acme!;
        string thumbprint;
        using (var client = Client(settings))
        {
            await OrderAsync(settings, client);
            thumbprint = (await client.KeyAsync(default)).Thumbprint;
        }

        var kept = AccountRecord.Read(Path.Combine(_rig.Folder, "accounts"), Pebble.Directory)!;
        using (var transport = new AcmeTransport(Pebble.Directory, Pebble.CaFile, _time))
        using (var key = AccountKey.Import(kept.Key))
        {
            await transport.PostAsync(new(kept.Url!), key, kept.Url, """{"status":"deactivated"}"""u8.ToArray(), default);
        }

        using var next = Client(settings);
        var held = await OrderAsync(settings, next);

        await AssertTrustedAsync(held.Leaf, [.. held.Above]);
        Assert.NotEqual(thumbprint, (await next.KeyAsync(default)).Thumbprint);
        Assert.Equal(2, Pebble.Accounts);
    }
}
