using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Sentinel.Backends;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>What comes from VMs and directories, and what does not.</summary>
public sealed class SyncTests : IAsyncLifetime
{
    private const string Secret = "0123456789abcdef0123456789abcdef";

    private readonly ShiftedTime _time = new();
    private readonly Rig _rig;
    private readonly HttpListener _daemon = new();
    private readonly ConcurrentQueue<(string Time, string Signature)> _asked = [];
    private readonly int _port = Free();
    private volatile Func<(int Status, string Body)> _answer = () => (200, """{"certs":[]}""");

    public SyncTests()
    {
        _rig = new(_time);
        File.WriteAllText(SecretFile, Secret + "\n");
        _daemon.Prefixes.Add($"http://127.0.0.1:{_port}/");
        _daemon.Start();
        _ = ServeAsync();
        _rig.Pools.Configure([new() { Id = new("spot-1"), Address = "127.0.0.1" }], []);
    }

    private string SecretFile => Path.Combine(_rig.Folder, "secret");

    private SyncSettings FromBackend => new() { Backend = new("spot-1"), Endpoint = new() { Url = $"http://{{address}}:{_port}/certs", HmacSecretFile = SecretFile }, Interval = TimeSpan.FromHours(6) };

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        _daemon.Close();
    }

    [Fact]
    public async Task A_VM_that_is_back_is_asked_with_a_signature_and_what_it_gave_is_kept()
    {
        var (chain, key) = Pem(30, "a.test");
        _answer = () => (200, Certs(("a.test", chain, key), ("broken.test", chain, "no key")));
        _rig.Start(new() { Sync = [FromBackend] });
        Assert.Empty(_asked);

        Report(healthy: true);
        await Eventually.TrueAsync(() => _rig.Service.Statuses.Count == 1);

        var (at, signature) = _asked.First();
        Assert.Equal(Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.ASCII.GetBytes(Secret), Encoding.ASCII.GetBytes($"GET\n/certs\n{at}"))), signature);
        Assert.InRange(long.Parse(at, CultureInfo.InvariantCulture), _time.GetUtcNow().ToUnixTimeSeconds() - 60, _time.GetUtcNow().ToUnixTimeSeconds() + 60);
        Assert.Equal("backend:spot-1", _rig.Status("a.test").Source);
        await Eventually.TrueAsync(() => _rig.Service.Sync[0].LastError is not null);
        Assert.Contains("broken.test: certificate and key cannot be read or do not belong together", _rig.Service.Sync[0].LastError, StringComparison.Ordinal);

        // A booting daemon has none; one that refuses, or talks nonsense, has none either.
        foreach (var (answer, why) in new (Func<(int, string)>, string)[]
                 {
                     (() => (200, """{"certs":[]}"""), "no certificates"), (() => (401, ""), "401"), (() => (200, "<html>"), "no list of certificates"), (() => (200, "{}"), "no list of certificates"), (() => (500, ""), "500"),
                 })
        {
            _answer = answer;
            Report(healthy: false);
            var before = _asked.Count;
            await Task.Yield();
            await Eventually.TrueAsync(() =>
            {
                Report(healthy: _asked.Count > before || !_rig.Pools.Current.Backends[new("spot-1")].Status.Healthy);
                _time.Jump(TimeSpan.FromHours(1));
                return _asked.Count > before && _rig.Service.Sync[0].LastError?.Contains(why, StringComparison.Ordinal) == true;
            });
            Assert.NotNull(_rig.Service.Find("a.test", takesEcdsa: true));
        }

        Assert.DoesNotContain("PRIVATE KEY", _rig.Logs.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, _rig.Logs.Text, StringComparison.Ordinal);
        await _rig.StopAsync();
        _rig.Start(new());
        Assert.NotNull(_rig.Service.Find("a.test", takesEcdsa: true));
    }

    [NeedsFact("openssl", "linux")]
    public async Task Ed25519_signs_as_openssl_verifies()
    {
        var key = Path.Combine(_rig.Folder, "key.pem");
        var signed = Path.Combine(_rig.Folder, "signed");
        Openssl($"genpkey -algorithm ed25519 -out {key}");
        Openssl($"pkey -in {key} -pubout -out {key}.pub");
        _rig.Start(new() { Sync = [FromBackend with { Endpoint = new() { Url = FromBackend.Endpoint!.Url, Ed25519KeyFile = key } }] });
        Report(healthy: true);
        await Eventually.TrueAsync(() => !_asked.IsEmpty);

        var (at, signature) = _asked.First();
        Assert.StartsWith("ed25519:", signature, StringComparison.Ordinal);
        await File.WriteAllTextAsync(signed, $"GET\n/certs\n{at}");
        await File.WriteAllBytesAsync(signed + ".sig", Convert.FromBase64String(signature["ed25519:".Length..]));
        Assert.Contains("Verified Successfully", Openssl($"pkeyutl -verify -pubin -inkey {key}.pub -rawin -in {signed} -sigfile {signed}.sig"), StringComparison.Ordinal);

        using var other = ECDsa.Create();
        var refused = Assert.Throws<CryptographicException>(() => Backends.Daemons.Ed25519.Sign(other.ExportPkcs8PrivateKeyPem(), "text"u8));
        Assert.Equal("the key is none of Ed25519", refused.Message);
    }

    [Fact]
    public async Task Over_https_only_the_authority_that_is_pinned_is_believed()
    {
        var (chain, key) = Pem(30, "a.test");
        var (authority, stranger) = (Path.Combine(_rig.Folder, "authority"), Path.Combine(_rig.Folder, "stranger"));
        foreach (var folder in new[] { authority, stranger })
        {
            Directory.CreateDirectory(folder);
            TestAuthority.Write(folder, "ca.pem", "vm.pem", "vm.key", "127.0.0.1");
        }

        await using var daemon = SecureDaemon.Start(Path.Combine(authority, "vm.pem"), Path.Combine(authority, "vm.key"), Certs(("a.test", chain, key)));
        SyncSettings From(string folder) => FromBackend with { Endpoint = FromBackend.Endpoint! with { Url = $"https://{{address}}:{daemon.Port}/certs", CaFile = Path.Combine(folder, "ca.pem") } };
        _rig.Start(new() { Sync = [From(stranger)] });
        Report(healthy: true);
        await Eventually.TrueAsync(() => _rig.Service.Sync[0].LastError is not null);
        Assert.Empty(_rig.Service.Statuses);
        Assert.Equal(0, daemon.Asked);

        // Retried within seconds; here because the pinned authority is another one.
        _rig.Service.Commit(new() { Sync = [From(authority)] });
        await Eventually.TrueAsync(() => _rig.Service.Statuses.Count == 1);
        Assert.Equal("backend:spot-1", _rig.Status("a.test").Source);
    }

    [Fact]
    public async Task What_failed_is_tried_again_within_seconds_and_not_after_the_interval()
    {
        var (chain, key) = Pem(30, "a.test");
        _answer = () => (503, "");
        _rig.Start(new() { Sync = [FromBackend] });
        Report(healthy: true);
        await Eventually.TrueAsync(() => _rig.Service.Sync[0].LastError is not null);

        _answer = () => (200, Certs(("a.test", chain, key)));
        var before = _time.GetUtcNow();
        await Eventually.TrueAsync(() =>
        {
            _time.Jump(TimeSpan.FromSeconds(1));
            return _rig.Service.Statuses.Count == 1;
        });

        // A minute of jumps is a hundred-and-eightieth of six hours.
        Assert.InRange(_time.GetUtcNow() - before, TimeSpan.Zero, TimeSpan.FromMinutes(59));
    }

    [Fact]
    public async Task Directories_are_read_as_Caddy_and_certbot_keep_them()
    {
        var root = Path.Combine(_rig.Folder, "shared");
        Write(Path.Combine(root, "certificates", "acme-v02", "a.test", "a.test"), ".crt", ".key", Pem(30, "a.test"));
        Write(Path.Combine(root, "b.test"), ".crt", ".key", Pem(30, "b.test"));
        Write(Path.Combine(root, "live", "c.test") + "/", "fullchain.pem", "privkey.pem", Pem(30, "c.test"));
        _rig.Start(new() { Sync = [new() { Directory = root, Interval = TimeSpan.FromMinutes(1) }] });

        await Eventually.TrueAsync(() => _rig.Service.Statuses.Count == 3);

        Assert.All(_rig.Service.Statuses, status => Assert.Equal($"directory:{root}", status.Source));

        // Only a better one replaces. What is held is shown before the fetch is over, from whose end on the interval counts.
        await Eventually.TrueAsync(() => _rig.Service.Sync.Single().LastSuccess is not null);
        var before = _rig.Status("a.test").SerialNumber;
        Write(Path.Combine(root, "b.test"), ".crt", ".key", Pem(20, "b.test"));
        Write(Path.Combine(root, "certificates", "acme-v02", "a.test", "a.test"), ".crt", ".key", Pem(40, "a.test"));
        var second = _rig.Status("b.test").SerialNumber;
        _time.Jump(TimeSpan.FromMinutes(2));
        await Eventually.TrueAsync(() => _rig.Status("a.test").SerialNumber != before);
        Assert.Equal(second, _rig.Status("b.test").SerialNumber);
    }

    [Fact]
    public void What_a_VM_renews_itself_is_left_to_it_while_it_is_up()
    {
        var now = _time.GetUtcNow();

        Assert.InRange(Renewal.Due(now, now.AddDays(90), null, 0, isCaredFor: true), now.AddDays(74), now.AddDays(76));
        Assert.InRange(Renewal.Due(now, now.AddDays(90), null, 0, isCaredFor: false), now.AddDays(59), now.AddDays(61));
    }

    [Fact]
    public void It_is_warned_of_the_end_at_14_days_and_at_3()
    {
        var now = _time.GetUtcNow();
        var (chain, key) = TestAuthority.Issue(null, ["a.test"], now.AddDays(-60), now.AddDays(30));
        var held = HeldCertificate.TryRead(chain, key, CertificateSource.Acme, out _)!;
        var alerts = new List<CertificateAlert>();
        var watch = new ExpiryWatch(alerts.Add, _rig.Logs);
        for (var day = 0; day < 30; day++)
        {
            watch.Look([held], now.AddDays(day));
        }

        var told = _rig.Logs.Text.Split('\n');
        Assert.Equal(2, told.Length);
        Assert.Equal(["expiring", "expiring"], alerts.Select(alert => alert.Reason));
        Assert.Contains("in 13 days", told[0], StringComparison.Ordinal);
        Assert.Contains("in 2 days", told[1], StringComparison.Ordinal);
    }

    private static int Free()
    {
        using var socket = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        return ((IPEndPoint)socket.LocalEndpoint).Port;
    }

    private static string Openssl(string arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Needs.Find("openssl")!, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException(output);
    }

    private static string Certs(params (string Domain, string Chain, string Key)[] certs) =>
        JsonSerializer.Serialize(new { certs = certs.Select(cert => new { domain = cert.Domain, cert_pem = cert.Chain, key_pem = cert.Key }) });

    private static void Write(string path, string chainEnding, string keyEnding, (string Chain, string Key) pem)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path + chainEnding, pem.Chain);
        File.WriteAllText(path + keyEnding, pem.Key);
    }

    private (string Chain, string Key) Pem(int days, params string[] names) => TestAuthority.Issue(null, names, _time.GetUtcNow().AddDays(-20), _time.GetUtcNow().AddDays(days));

    private void Report(bool healthy) => _rig.Pools.Report(new("spot-1"), new(healthy ? BackendState.Serving : BackendState.Starting, healthy, _time.GetUtcNow(), ""));

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var context = await _daemon.GetContextAsync();
                var (status, body) = _answer();
                context.Response.StatusCode = status;
                await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(body));
                context.Response.Close();
                _asked.Enqueue((context.Request.Headers["X-Containarium-Sentinel-Ts"] ?? "", context.Request.Headers["X-Containarium-Sentinel-Sig"] ?? ""));
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
