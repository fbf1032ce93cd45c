using Sentinel.Certificates.Acme;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>Orders that are cut short, refused or too many.</summary>
public sealed class OrderTests : PebbleStage
{
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
        Task KeepAsync(CourseRecord record)
        {
            kept = record;
            return ++writes == dies ? throw new InvalidOperationException("killed") : Task.CompletedTask;
        }

        await Assert.ThrowsAsync<InvalidOperationException>(() => Issue(client, settings).RunAsync(Names, kept, KeepAsync, null, mayOrder: true, default));
        var held = await Issue(client, settings).RunAsync(Names, kept, record =>
        {
            kept = record;
            return Task.CompletedTask;
        }, null, mayOrder: true, default);

        await AssertTrustedAsync(held.Leaf, [.. held.Above]);
        Assert.Equal(orders, Pebble.Orders);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task An_order_whose_answer_was_lost_is_found_again()
    {
        await BeginAsync(new() { RefusedNonces = 0 });
        await using var front = await AcmeFront.StartAsync(Path.Combine(_rig.Folder, "front"), Pebble.Directory);
        front.Done = path => path.Contains("order-plz", StringComparison.Ordinal) ? throw new InvalidOperationException("the line is cut") : Task.CompletedTask;
        _rig.Start(Settings(acme => acme with { Directory = front.Directory, CaFile = front.CaFile }));
        await Eventually.TrueAsync(() => _rig.Status("example.test").LastError is not null);
        front.Done = _ => Task.CompletedTask;

        _time.Jump(PastThePause);
        await _rig.UntilHeldAsync("example.test");

        Assert.Equal(1, Pebble.Orders);
        Assert.Contains("certificate.order.resumed", _rig.Logs.Text, StringComparison.Ordinal);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task An_order_that_died_with_the_daemon_is_not_repeated_at_once()
    {
        await BeginAsync();
        await Pebble.TellDnsAsync("set-servfail", new { host = "www.example.test" });
        using (var client = Client(Settings().Acme!, Path.Combine("certificates", "accounts")))
        {
            var order = await client.OrderAsync(Names, profile: null, replaces: null, default);
            await new CourseRecord
            {
                Names = Names.ToString(),
                Failures = 1,
                NextTry = _time.GetUtcNow().AddMinutes(1),
                Directory = Pebble.Directory,
                Order = order,
                Key = CertificateKey.Create(KeyKind.Ec256),
            }.WriteAsync(Path.Combine(_rig.Store, "orders"), Names);
        }

        // The name does not lead here: the order that is gone on with fails, and so does none after it.
        _rig.Start(Settings());
        await Eventually.TrueAsync(() => _rig.Status("example.test").LastError is not null);
        await _rig.StopAsync();
        await Pebble.TellDnsAsync("clear-servfail", new { host = "www.example.test" });
        _rig.Start(Settings());
        Assert.Equal(RenewResult.TooSoon, _rig.Service.Renew("example.test").Result);
        Assert.Equal(1, Pebble.Orders);

        // So it is where the daemon dies before it hears that.
        var record = CourseRecord.Read(Path.Combine(_rig.Store, "orders"), Names);
        await _rig.StopAsync();
        await (record with { LastError = null, NextTry = _time.GetUtcNow().AddMinutes(1), Order = new(Pebble.Directory, "/my-order/gone"), Key = CertificateKey.Create(KeyKind.Ec256) })
            .WriteAsync(Path.Combine(_rig.Store, "orders"), Names);
        _rig.Start(Settings());
        await Eventually.TrueAsync(() => _rig.Status("example.test").LastError is not null);
        Assert.StartsWith("the order that was under way at the last restart came to nothing", _rig.Status("example.test").LastError, StringComparison.Ordinal);
        Assert.Equal(1, Pebble.Orders);

        _time.Jump(PastThePause);
        await _rig.UntilHeldAsync("example.test");
        Assert.Equal(2, Pebble.Orders);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task An_order_from_before_a_change_of_the_kind_of_key_stands_in_no_ones_way()
    {
        await BeginAsync();
        var settings = Settings(acme => acme with { KeyType = KeyKind.Rsa2048 }).Acme!;
        using var client = Client(settings);
        var order = await client.OrderAsync(Names, profile: null, replaces: null, default);
        var kept = new CourseRecord { Names = Names.ToString(), Directory = Pebble.Directory, Order = order, Key = CertificateKey.Create(KeyKind.Ec256) };

        var held = await Issue(client, settings).RunAsync(Names, kept, _ => Task.CompletedTask, null, mayOrder: true, default);

        Assert.False(held.IsEcdsa);
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

            // Killed now, it would have the order and its key; both go once the certificate is on disk.
            var record = Directory.GetFiles(Path.Combine(_rig.Store, "orders")).Single();
            Assert.Contains("PRIVATE KEY", await File.ReadAllTextAsync(record), StringComparison.Ordinal);
            File.Delete(fill);
            await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.store.recovered", StringComparison.Ordinal));
            await Eventually.TrueAsync(() => !File.ReadAllText(record).Contains("PRIVATE KEY", StringComparison.Ordinal));
            await _rig.StopAsync();
            _rig.Start(settings);
            Assert.Equal((serial, null), (_rig.Status("example.test").SerialNumber, _rig.Status("example.test").LastError));
            Assert.Equal(1, Pebble.Orders);
        }
        finally
        {
            await _rig.StopAsync();
            Run("umount", "-l", _rig.Store);
        }
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task An_authority_that_wants_to_be_left_alone_does_not_keep_the_next_one_from_being_asked()
    {
        await BeginAsync();
        await using var front = await AcmeFront.StartAsync(Path.Combine(_rig.Folder, "front"), Pebble.Directory);
        await using var other = await Pebble.StartAsync(Path.Combine(_rig.Folder, "other"), new() { HttpPort = _rig.HttpPort, TlsPort = _rig.TlsPort });
        front.Limit = path => path.Contains("order-plz", StringComparison.Ordinal) ? TimeSpan.FromHours(40) : null;
        var caFile = Path.Combine(_rig.Folder, "all.pem");
        await File.WriteAllTextAsync(caFile, await File.ReadAllTextAsync(front.CaFile) + "\n" + await File.ReadAllTextAsync(other.CaFile));
        var started = _time.GetUtcNow();
        _rig.Start(Settings(acme => acme with { Directory = front.Directory, FallbackDirectories = [other.Directory], CaFile = caFile }));
        await Eventually.TrueAsync(() => _rig.Status("example.test").LastError is not null);
        Assert.Contains("rateLimited: too many (429)", _rig.Status("example.test").LastError, StringComparison.Ordinal);
        Assert.InRange(_rig.Status("example.test").RenewAt!.Value, started, started.AddMinutes(2));

        _time.Jump(PastThePause);
        await _rig.UntilHeldAsync("example.test");

        Assert.Equal((0, 1), (Pebble.Orders, other.Orders));
        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("certificate.renewed", StringComparison.Ordinal));

        // The limit is kept with the name, over a restart and a success elsewhere: the next order goes where it may.
        await _rig.StopAsync();
        front.Limit = _ => null;
        _rig.Start(Settings(acme => acme with { Directory = front.Directory, FallbackDirectories = [other.Directory], CaFile = caFile }));
        _time.Jump(PastThePause);
        await Eventually.TrueAsync(() => _rig.Service.Renew("example.test").Result == RenewResult.Accepted);
        await Eventually.TrueAsync(() => other.Orders == 2);
        Assert.Equal(0, Pebble.Orders);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task A_name_that_leads_elsewhere_is_told_whole_and_not_tried_again_at_once()
    {
        await BeginAsync();
        await Pebble.TellDnsAsync("set-servfail", new { host = "www.example.test" });
        var alerts = new System.Collections.Concurrent.ConcurrentQueue<CertificateAlert>();
        _rig.Start(Settings()).Alerted += alerts.Enqueue;

        await Eventually.TrueAsync(() => _rig.Status("example.test").LastError is not null);
        await Eventually.TrueAsync(() => !alerts.IsEmpty);
        Assert.Equal("renewal_failed", alerts.Single().Reason);
        Assert.StartsWith($"no certificate for example.test www.example.test from {Pebble.Directory}: ", alerts.Single().Message, StringComparison.Ordinal);

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
    public async Task When_one_authority_fails_for_long_the_next_one_is_asked()
    {
        await BeginAsync();
        var nobody = new Uri("https://127.0.0.1:1/dir");
        _rig.Start(Settings(acme => acme with { Directory = nobody, FallbackDirectories = [Pebble.Directory] }));
        for (var failures = 1; failures <= 4; failures++)
        {
            await Eventually.TrueAsync(() => _rig.Logs.Text.Split("certificate.renewal.failed").Length == failures + 1);
            Assert.Contains($"from {nobody}: ", _rig.Logs.Text.Split('\n')[^1], StringComparison.Ordinal);
            _time.Jump(PastThePause * Math.Pow(2, failures - 1));
        }

        await _rig.UntilHeldAsync("example.test");
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
        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("is its clock right?", StringComparison.Ordinal));
    }

    [NeedsTheory("pebble", "pebble-challtestsrv")]
    [InlineData(2)]
    [InlineData(-2)]
    public async Task A_clock_that_is_wrong_by_hours_keeps_nothing_from_being_had_and_is_told(int hours)
    {
        await BeginAsync();
        _time.Jump(TimeSpan.FromHours(hours));
        _rig.Start(Settings());

        await Eventually.TrueAsync(() => _rig.Logs.Text.Contains("clock.wrong: This machine's clock is", StringComparison.Ordinal));
    }
}
