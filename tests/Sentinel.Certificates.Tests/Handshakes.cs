using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Sentinel.Certificates.Tests;

/// <summary>Clients that shake hands one after the other, with whatever is shown at the time.</summary>
internal static class Handshakes
{
    /// <summary>Goes on until cancelled; every handshake must succeed.</summary>
    /// <returns>How many there were, and how many different certificates they saw.</returns>
    public static async Task<(int Good, int Seen)> RunAsync(Rig rig, string name, CancellationToken cancellationToken)
    {
        using var listening = new TcpListener(IPAddress.Loopback, 0);
        listening.Start();
        var seen = new HashSet<string>();
        var good = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            using var client = new TcpClient();
            var accepting = listening.AcceptTcpClientAsync(CancellationToken.None);
            await client.ConnectAsync((IPEndPoint)listening.LocalEndpoint, CancellationToken.None);
            using var accepted = await accepting;
            await using var server = new SslStream(accepted.GetStream());
            await using var here = new SslStream(client.GetStream(), false, (_, certificate, _, _) => seen.Add(certificate!.GetSerialNumberString()) || certificate is not null);
            await Task.WhenAll(
                server.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = rig.Service.Find(name, takesEcdsa: true) }, CancellationToken.None),
                here.AuthenticateAsClientAsync(name));
            good++;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }

        return (good, seen.Count);
    }
}
