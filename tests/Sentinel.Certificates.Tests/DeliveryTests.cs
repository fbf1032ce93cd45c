using Sentinel.Backends;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>Certificates that are given away, by real programs.</summary>
public sealed class DeliveryTests : IAsyncLifetime
{
    private readonly ShiftedTime _time = new();
    private readonly Rig _rig;

    public DeliveryTests()
    {
        _rig = new(_time);
        _rig.Pools.Configure([new() { Id = new("spot-1"), Address = "10.0.0.1" }, new() { Id = new("spot-2"), Address = "10.0.0.2" }], []);
        Directory.CreateDirectory(Root);
    }

    private string Root => Path.Combine(_rig.Folder, "shared");

    private string Script => Path.Combine(_rig.Folder, "push");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [NeedsFact("linux")]
    public async Task A_certificate_is_given_until_it_is_taken_and_then_no_more()
    {
        Write("a.test");
        await File.WriteAllTextAsync(Script, $"echo x >> {Script}.tried\n[ -e {Script}.ready ] || {{ echo not yet >&2; exit 7; }}\ncat $1 $2 > {Script}.taken\n");
        var settings = new CertificateSettings
        {
            Sync = [new() { Directory = Root }],
            Deliver = [new(["a.test"], ["/bin/sh", Script, "{certificate}", "{key}"]), new(["z.test"], ["/bin/sh", "-c", $": > {Script}.last"])],
        };
        _rig.Start(settings);
        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.delivery.failed", StringComparison.Ordinal));
        Assert.Contains("/bin/sh ended with status 7: not yet", _rig.Logs.Text, StringComparison.Ordinal);

        await File.WriteAllTextAsync(Script + ".ready", "");
        _time.Jump(TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.delivered", StringComparison.Ordinal));

        Assert.NotNull(HeldCertificate.TryRead(await File.ReadAllTextAsync(Script + ".taken"), await File.ReadAllTextAsync(Script + ".taken"), CertificateSource.Acme, out _));
        var tried = (await File.ReadAllLinesAsync(Script + ".tried")).Length;

        // Another that is delivered after it would have been tells that its turn has passed.
        await _rig.StopAsync();
        Write("z.test");
        _time.Jump(TimeSpan.FromHours(7));
        _rig.Start(settings);
        await Eventually.TrueAsync(() => File.Exists(Script + ".last"));
        Assert.Equal(tried, (await File.ReadAllLinesAsync(Script + ".tried")).Length);
    }

    [NeedsFact("linux")]
    public async Task A_VM_that_is_back_is_given_what_it_missed_at_once()
    {
        Write("a.test");
        await File.WriteAllTextAsync(Script, $"echo x >> {Script}.tried\n[ -e {Script}.ready ]\n");
        _rig.Start(new() { Sync = [new() { Directory = Root }], Deliver = [new(["a.test"], ["/bin/sh", Script])] });
        for (var failures = 1; failures < 8; failures++)
        {
            // Each failure doubles the pause: the next try is minutes away in the end.
            await Eventually.TrueAsync(() => File.Exists(Script + ".tried") && File.ReadAllLines(Script + ".tried").Length >= failures);
            await Eventually.TrueAsync(() => _rig.Logs.Text.Split("certificate.delivery.failed").Length > failures);
            _time.Jump(TimeSpan.FromHours(failures < 7 ? 2 : 0));
        }

        await File.WriteAllTextAsync(Script + ".ready", "");
        Report("spot-1", healthy: true);

        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.delivered", StringComparison.Ordinal));
    }

    [NeedsFact("linux")]
    public async Task What_is_for_a_VM_waits_for_it_and_another_that_is_back_changes_nothing()
    {
        Write("a.test");
        await File.WriteAllTextAsync(Script, $"echo $1 >> {Script}.tried\n[ -e {Script}.ready ]\n");
        _rig.Start(new()
        {
            Sync = [new() { Directory = Root }],
            Deliver = [new(["a.test"], ["/bin/sh", Script, "root@{address}"], new BackendId("spot-1")), new(["a.test"], ["/bin/sh", Script, "-{address}-"], new BackendId("spot-2"))],
        });
        string[] Tried(string who) => File.Exists(Script + ".tried") ? [.. File.ReadAllLines(Script + ".tried").Where(line => line.Contains(who, StringComparison.Ordinal))] : [];
        await Eventually.TrueAsync(() => _rig.Service.Statuses.Count == 1);

        // Both are away, which is no failure; then one refuses, again and again.
        Report("spot-2", healthy: true);
        for (var failures = 1; failures < 8; failures++)
        {
            await Eventually.TrueAsync(() => _rig.Logs.Text.Split("certificate.delivery.failed").Length > failures);
            _time.Jump(TimeSpan.FromHours(failures < 7 ? 2 : 0));
        }

        Assert.Equal(("-10.0.0.2-", 7), (Tried("10.0.0.2")[0], Tried("10.0.0.2").Length));
        Assert.Empty(Tried("10.0.0.1"));

        await File.WriteAllTextAsync(Script + ".ready", "");
        Report("spot-1", healthy: true);
        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.delivered", StringComparison.Ordinal));
        Assert.Equal(["root@10.0.0.1"], Tried("10.0.0.1"));
        Assert.Equal(7, Tried("10.0.0.2").Length);

        Report("spot-2", healthy: false);
        await Eventually.TrueAsync(() =>
        {
            // A return counts once it was away at a look.
            Report("spot-2", healthy: !_rig.Pools.Current.Backends[new("spot-2")].Status.Healthy);
            return Tried("10.0.0.2").Length == 8;
        });
    }

    [NeedsFact("linux", "pebble", "pebble-challtestsrv")]
    public async Task What_a_VM_cannot_renew_because_it_is_down_is_renewed_here_and_given_back()
    {
        var names = new EquatableNames(["a.test"]);
        await using var pebble = await Pebble.StartAsync(Path.Combine(_rig.Folder, "pebble"), new() { HttpPort = _rig.HttpPort, TlsPort = _rig.TlsPort });
        using var authority = TestAuthority.Root(_time.GetUtcNow());
        var (chain, key) = TestAuthority.Issue(authority, [.. names], _time.GetUtcNow().AddDays(-1), _time.GetUtcNow().AddDays(14));
        await new CertificateBook(_rig.Store, _time, _rig.Logs).OfferAsync([HeldCertificate.TryRead(chain, key, new(CertificateOrigin.Backend, "spot-1"), out _)!]);

        // The last third has begun, and the VM is there to do something about it.
        _time.Jump(TimeSpan.FromDays(10));
        Report("spot-1", healthy: true);
        await File.WriteAllTextAsync(Script, $"cat $1 $2 > {Script}.taken\n");
        _rig.Start(new()
        {
            Acme = new() { Directory = pebble.Directory, CaFile = pebble.CaFile, Names = [(EquatableList<string>)[.. names]] },
            Deliver = [new(["a.test"], ["/bin/sh", Script, "{certificate}", "{key}"], new BackendId("spot-1"))],
        });
        await Eventually.TrueAsync(() => File.Exists(Script + ".taken"));
        Assert.True(_rig.Status("a.test").RenewAt > _time.GetUtcNow().AddDays(1));

        File.Delete(Script + ".taken");
        Report("spot-1", healthy: false);
        await Eventually.TrueAsync(() => _rig.Status("a.test").Source == "acme");
        var renewed = _rig.Status("a.test").SerialNumber;
        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.renewed", StringComparison.Ordinal));
        Assert.False(File.Exists(Script + ".taken"));

        Report("spot-1", healthy: true);
        await Eventually.TrueAsync(() => _rig.Logs.Text.Split("certificate.delivered").Length == 3);
        var taken = await File.ReadAllTextAsync(Script + ".taken");
        Assert.Equal(renewed, HeldCertificate.TryRead(taken, taken, CertificateSource.Acme, out _)!.SerialNumber);
    }

    private void Report(string backend, bool healthy) => _rig.Pools.Report(new(backend), new(healthy ? BackendState.Serving : BackendState.Starting, healthy, _time.GetUtcNow(), ""));

    private void Write(string name)
    {
        var (chain, key) = TestAuthority.Issue(null, [name], _time.GetUtcNow().AddDays(-20), _time.GetUtcNow().AddDays(30));
        File.WriteAllText(Path.Combine(Root, name + ".crt"), chain);
        File.WriteAllText(Path.Combine(Root, name + ".key"), key);
    }
}
