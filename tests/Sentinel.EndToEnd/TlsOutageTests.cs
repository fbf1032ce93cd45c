using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.EndToEnd;

/// <summary>A TLS server behind a <c>tls</c> listener that is killed and started again, while clients come without pause.</summary>
public sealed class TlsOutageTests : IAsyncLifetime
{
    private const string Name = "app.example.test";
    private const int Clients = 6;
    private const int Kills = 3;
    private const int Many = 20;

    private readonly Sandbox _sandbox = new();
    private readonly X509Certificate2 _root = TestAuthority.Root(TimeProvider.System.GetUtcNow());
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<Loss> _lost = [];
    private Process _vm = null!;
    private string _itsSerial = null!;
    private int _passed;
    private int _answered;

    public Task InitializeAsync()
    {
        TestAuthority.Write(_root, _sandbox.PathOf("held"), "certificate", Name, days: 20);
        _itsSerial = TestAuthority.Write(_root, _sandbox.Folder, "vm", Name, days: 20);
        _vm = StartVm();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        _vm.Kill();
        _vm.Dispose();
        await _sandbox.DisposeAsync();
        _root.Dispose();
        _stop.Dispose();
    }

    [NeedsTheory("linux", "nginx")]
    [InlineData("splice", false)]
    [InlineData("splice", true)]
    [InlineData("managed", false)]
    [InlineData("managed", true)]
    public async Task Nobody_notices_that_it_was_killed_but_who_was_with_it(string engine, bool holds)
    {
        var sentinel = await _sandbox.StartAsync(new
        {
            backends = new { vm = new { address = _sandbox.Address(10), health = new { kind = "tls", port = 8443, interval = "500ms", healthyAfter = 1, unhealthyAfter = 2 } } },
            pools = new { secure = new { backends = new[] { "vm" } } },
            listeners = new { tls = new { bind = new[] { $"{_sandbox.Front}:9443" }, protocol = "tls", pool = "secure", port = 8443, engine, hold = holds ? "60s" : "0s" } },
            certificates = new { sync = new[] { new { directory = _sandbox.PathOf("held") } } },
        });
        await sentinel.UntilAsync("vm", "serving");
        await Eventually.TrueAsync(async () => (await sentinel.StatusAsync())["certificates"]!.AsArray().Count == 1);

        var clients = Enumerable.Range(0, Clients).Select(_ => Task.Run(ComeAgainAndAgainAsync)).ToArray();
        var kills = new List<(long Sent, long Over)>();
        for (var i = 0; i < Kills; i++)
        {
            await MoreAsync(() => _passed);
            var sent = TimeProvider.System.GetTimestamp();
            _vm.Kill();
            await _vm.WaitForExitAsync();
            kills.Add((sent, TimeProvider.System.GetTimestamp()));

            // Before the sentinel knows, and after. A check that found the old one dead would end connections to the new one.
            await Eventually.TrueAsync(async () => !(bool)(await sentinel.BackendAsync("vm"))["healthy"]!);
            await (holds ? Eventually.TrueAsync(async () => await sentinel.MetricAsync("sentinel_connections_held{listener=\"tls\"}") == Clients) : MoreAsync(() => _answered));
            _vm.Dispose();
            _vm = StartVm();
        }

        await MoreAsync(() => _passed);
        await _stop.CancelAsync();
        await Task.WhenAll(clients);

        // What had come before the VM was dead may have been with it.
        var unexplained = _lost.Where(lost => !kills.Any(kill => lost.Came <= kill.Over && lost.Left >= kill.Sent)).ToArray();
        var told = sentinel.Log.Split('\n').Where(line => line.Contains("\"backend.", StringComparison.Ordinal));
        Assert.True(unexplained.Length == 0, $"{string.Join('\n', unexplained.AsEnumerable())}\nkills:\n{string.Join('\n', kills)}\n{string.Join('\n', told)}");
        Assert.Equal(holds, _answered == 0);

        Task MoreAsync(Func<int> count)
        {
            var enough = count() + Many;
            return Eventually.TrueAsync(() => count() > enough || clients.Any(client => client.IsFaulted));
        }
    }

    private Process StartVm() => Nginx.Start(_sandbox, _sandbox.Address(10), "vm.crt", "vm.key");

    private async Task ComeAgainAndAgainAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var came = TimeProvider.System.GetTimestamp();
            try
            {
                var (serial, answer) = await AskAsync().WaitAsync(Eventually.Patience, TimeProvider.System);
                if (answer.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal) && answer.EndsWith("nginx", StringComparison.Ordinal) && serial == _itsSerial)
                {
                    Interlocked.Increment(ref _passed);
                }
                else if (answer.StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal) && answer.Contains("</html>", StringComparison.Ordinal) && serial != _itsSerial)
                {
                    Interlocked.Increment(ref _answered);
                }
                else
                {
                    _lost.Enqueue(new(came, TimeProvider.System.GetTimestamp(), $"{serial}: {answer}"));
                }
            }
            catch (Exception e) when (e is IOException or SocketException or AuthenticationException)
            {
                _lost.Enqueue(new(came, TimeProvider.System.GetTimestamp(), e.Message));
            }
        }
    }

    /// <summary>By a connection of its own, if the certificate is one to believe.</summary>
    private async Task<(string Serial, string Answer)> AskAsync()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(_sandbox.Front, 9443);
        await using var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = Name, CertificateChainPolicy = TestAuthority.Trust(_root) });
        await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {Name}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"));
        return (tls.RemoteCertificate!.GetSerialNumberString(), await new StreamReader(tls).ReadToEndAsync());
    }

    /// <summary>A client that was neither served nor answered.</summary>
    private sealed record Loss(long Came, long Left, string How);
}
