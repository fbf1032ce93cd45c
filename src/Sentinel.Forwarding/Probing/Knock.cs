using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Sentinel.Backends.Daemons;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Probing;

/// <summary>Connects to a backend as a listener would, each time anew, and listens to what it says.</summary>
internal sealed class Knock(Way way, TimeProvider time, ProbePatience patience)
{
    // More than any greeting or status line that tells one server from another.
    private const int Most = 1024;

    public Way Way => way;

    /// <summary>Says nothing but the header, and listens for as long as a greeting may take.</summary>
    /// <param name="untilEnd">Whether to go on listening after the first words, in case the connection is closed over what was sent.</param>
    public Task<Heard> ListenAsync(ProxyProtocol header, bool untilEnd, CancellationToken cancellationToken) =>
        OnConnectionAsync(header, patience.Greeting, (stream, late) => HearAsync(stream, untilEnd, late), cancellationToken);

    /// <summary>Sends an HTTP request and reads the beginning of the answer.</summary>
    /// <param name="tls">Speaks TLS around it; null: in clear.</param>
    public Task<Heard> AskAsync(ProxyProtocol header, SslClientAuthenticationOptions? tls, CancellationToken cancellationToken) =>
        OnConnectionAsync(header, patience.Answer, async (stream, late) =>
        {
            var secured = tls is null ? null : new SslStream(stream);
            if (secured is not null && await HandshakeAsync(secured, stream, tls!, late) is { Tls: null } failed)
            {
                return failed;
            }

            var wire = secured ?? (Stream)stream;
            await wire.WriteAsync(Encoding.ASCII.GetBytes(way.Request), late);
            return await HearAsync(wire, untilEnd: false, late);
        }, cancellationToken);

    /// <summary>Shakes hands as a TLS client that takes any certificate.</summary>
    public Task<Heard> GreetAsync(ProxyProtocol header, CancellationToken cancellationToken) =>
        OnConnectionAsync(header, patience.Answer, async (stream, late) =>
        {
            await using var tls = new SslStream(stream);
            return await HandshakeAsync(tls, stream, new() { TargetHost = way.Host ?? "", RemoteCertificateValidationCallback = Any, CertificateChainPolicy = PeerTrust.Offline() }, late);
        }, cancellationToken);

    private async Task<Heard> OnConnectionAsync(ProxyProtocol header, TimeSpan wait, Func<Recorded, CancellationToken, Task<Heard>> talk, CancellationToken cancellationToken)
    {
        var (socket, outcome) = await new Dialler(time).DialAsync(way.Address!, way.Port, way.Listener.ConnectTimeout, cancellationToken);
        if (socket is null)
        {
            return new(outcome, [], Closed: false);
        }

        await using var stream = new Recorded(socket);
        using var deadline = new CancellationTokenSource(wait, time);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            var bytes = new byte[ProxyHeader.MaxWritten];
            var length = new ProxyHeader((IPEndPoint)socket.LocalEndPoint!, (IPEndPoint)socket.RemoteEndPoint!).Write(header, bytes);
            await stream.WriteAsync(bytes.AsMemory(0, length), late.Token);
            return await talk(stream, late.Token);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return new(DialOutcome.Connected, stream.First, Closed: true);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(DialOutcome.Connected, stream.First, Closed: false);
        }
    }

    private static async Task<Heard> HearAsync(Stream stream, bool untilEnd, CancellationToken late)
    {
        var heard = new byte[Most];
        var length = 0;
        try
        {
            while (length < Most)
            {
                var n = await stream.ReadAsync(heard.AsMemory(length), late);
                length += n;
                if (n == 0)
                {
                    return new(DialOutcome.Connected, heard[..length], Closed: true);
                }

                if (!untilEnd && (heard.AsSpan(0, length).Contains((byte)'\n') || length >= 16))
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It says no more.
        }
        catch (IOException)
        {
            return new(DialOutcome.Connected, heard[..length], Closed: true);
        }

        return new(DialOutcome.Connected, heard[..length], Closed: false);
    }

    private static async Task<Heard> HandshakeAsync(SslStream tls, Recorded stream, SslClientAuthenticationOptions options, CancellationToken late)
    {
        try
        {
            await tls.AuthenticateAsClientAsync(options, late);
            return new(DialOutcome.Connected, stream.First, Closed: false, Tls: Describe(tls));
        }
        catch (Exception e)
        {
            // Whatever a handshake fails with is what the probe is to tell.
            var fault = e is OperationCanceledException ? "no answer in time" : (e.InnerException ?? e).Message.TrimEnd('.');
            return new(DialOutcome.Connected, stream.First, Closed: e is IOException, Fault: fault);
        }
    }

    private static string Describe(SslStream tls)
    {
        var version = tls.SslProtocol == SslProtocols.Tls13 ? "TLS 1.3" : "TLS 1.2";
        using var certificate = tls.RemoteCertificate is { } shown ? X509CertificateLoader.LoadCertificate(shown.GetRawCertData()) : null;
        return certificate is null ? version
            : string.Create(CultureInfo.InvariantCulture, $"{version}, certificate of {certificate.GetNameInfo(X509NameType.DnsName, forIssuer: false)} until {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd}");
    }

    // A look at what a backend speaks: nothing is sent over the connection.
    private static bool Any(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) => certificate is not null;

    /// <summary>Remembers the first bytes that came, which tell TLS from what is not.</summary>
    private sealed class Recorded(Socket socket) : NetworkStream(socket, ownsSocket: true)
    {
        public byte[] First { get; private set; } = [];

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var n = await base.ReadAsync(buffer, cancellationToken);
            if (First.Length < 16 && n > 0)
            {
                First = [.. First, .. buffer.Span[..Math.Min(n, 16)]];
            }

            return n;
        }
    }
}
