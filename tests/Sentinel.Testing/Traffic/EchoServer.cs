using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sentinel.Testing.Traffic;

/// <summary>Sends back what comes, on any number of connections.</summary>
internal static class EchoServer
{
    /// <param name="host">Whose certificate, signed by itself, it shows; null: it speaks no TLS.</param>
    public static async Task<int> RunAsync(IPEndPoint at, string? host = null)
    {
        var certificate = host is null ? null : Certify(host);
        using var listening = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listening.Bind(at);
        listening.Listen(4096);
        Console.WriteLine("ready");
        while (true)
        {
            _ = EchoAsync(await listening.AcceptAsync().ConfigureAwait(false), certificate);
        }
    }

    private static async Task EchoAsync(Socket socket, SslStreamCertificateContext? certificate)
    {
        using (socket)
        {
            try
            {
                await using var plain = new NetworkStream(socket);
                if (certificate is null)
                {
                    await EchoAsync(plain).ConfigureAwait(false);
                }
                else
                {
                    await using var tls = new SslStream(plain);
                    await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = certificate }).ConfigureAwait(false);
                    await EchoAsync(tls).ConfigureAwait(false);
                    await tls.ShutdownAsync().ConfigureAwait(false);
                }

                socket.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is SocketException or IOException or AuthenticationException)
            {
                // the client notices
            }
        }
    }

    private static async Task EchoAsync(Stream stream)
    {
        var buffer = new byte[64 * 1024];
        int received;
        while ((received = await stream.ReadAsync(buffer).ConfigureAwait(false)) > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(..received)).ConfigureAwait(false);
        }
    }

    private static SslStreamCertificateContext Certify(string host)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        var certificate = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        return SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
    }
}
