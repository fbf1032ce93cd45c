using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Sentinel.EndToEnd.Harness;

/// <summary>Clients that shake hands one after the other for as long as they are let, each believing the certificate only if it is valid at that moment.</summary>
internal sealed class TlsVisitors : IAsyncDisposable
{
    private const int AtOnce = 4;

    private readonly CancellationTokenSource _stop = new();
    private readonly string _address;
    private readonly int _port;
    private readonly string[] _names;
    private readonly ConcurrentDictionary<(string Name, string Serial), bool> _seen = [];
    private readonly ConcurrentQueue<string> _failures = [];
    private readonly ConcurrentBag<X509Certificate2> _roots = [];
    private readonly Task[] _all;
    private int _good;

    public TlsVisitors(string address, int port, string[] names, string rootPem)
    {
        (_address, _port, _names) = (address, port, names);
        Trust(rootPem);
        _all = [.. Enumerable.Range(0, AtOnce).Select(VisitAsync)];
    }

    public IReadOnlyCollection<string> Failures => _failures;

    public int Good => Volatile.Read(ref _good);

    /// <summary>How many certificates were seen for a name.</summary>
    public int Seen(string name) => _seen.Keys.Count(seen => seen.Name == name);

    /// <summary>A test authority has another root after each start.</summary>
    public void Trust(string rootPem) => _roots.Add(X509Certificate2.CreateFromPem(rootPem));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_all);
        _stop.Dispose();
    }

    private async Task VisitAsync(int first)
    {
        for (var i = first; !_stop.IsCancellationRequested; i++)
        {
            var name = _names[i % _names.Length];
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(_address, _port);
                await using var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, Judge);
                await tls.AuthenticateAsClientAsync(name);
                _seen[(name, tls.RemoteCertificate!.GetSerialNumberString())] = true;
                Interlocked.Increment(ref _good);
            }
            catch (Exception e) when (e is IOException or SocketException or AuthenticationException)
            {
                _failures.Enqueue($"{TimeProvider.System.GetUtcNow():T} {name}: {e.Message}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }
    }

    private bool Judge(object sender, X509Certificate? certificate, X509Chain? above, SslPolicyErrors errors)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(_roots.ToArray());
        foreach (var element in above!.ChainElements)
        {
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        return !errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) && chain.Build((X509Certificate2)certificate!);
    }
}
