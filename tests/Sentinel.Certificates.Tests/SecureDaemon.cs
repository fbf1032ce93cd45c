using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Sentinel.Certificates.Tests;

/// <summary>A VM's daemon that speaks TLS and always answers the same.</summary>
internal sealed class SecureDaemon : IAsyncDisposable
{
    private readonly TcpListener _listening = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate;
    private readonly byte[] _answer;
    private Task _serving = Task.CompletedTask;
    private int _asked;

    private SecureDaemon(X509Certificate2 certificate, string body) =>
        (_certificate, _answer) = (certificate, Encoding.UTF8.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}"));

    public int Port => ((IPEndPoint)_listening.LocalEndpoint).Port;

    /// <summary>Requests that came as far as to be read.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public static SecureDaemon Start(string certificateFile, string keyFile, string body)
    {
        var daemon = new SecureDaemon(X509Certificate2.CreateFromPemFile(certificateFile, keyFile), body);
        daemon._listening.Start();
        daemon._serving = daemon.ServeAsync();
        return daemon;
    }

    public async ValueTask DisposeAsync()
    {
        _listening.Stop();
        await _serving;
        _certificate.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listening.AcceptTcpClientAsync();
                try
                {
                    await using var tls = new SslStream(client.GetStream());
                    await tls.AuthenticateAsServerAsync(_certificate);
                    using var reader = new StreamReader(tls, Encoding.ASCII, leaveOpen: true);
                    if (await reader.ReadLineAsync() is not { Length: > 0 })
                    {
                        continue;
                    }

                    while (await reader.ReadLineAsync() is { Length: > 0 })
                    {
                    }

                    Interlocked.Increment(ref _asked);
                    await tls.WriteAsync(_answer);
                }
                catch (Exception e) when (e is IOException or AuthenticationException)
                {
                    // It does not trust us.
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The test is over.
        }
    }
}
