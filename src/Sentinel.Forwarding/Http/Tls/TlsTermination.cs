using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using Sentinel.Forwarding.Http.Transports;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http.Tls;

/// <summary>
/// Ends TLS between a client and HTTP. The certificate is looked up at each handshake, by the name
/// in the hello that was peeked; nothing is cached here, so a new one needs no restart.
/// </summary>
internal sealed class TlsTermination(ICertificates certificates)
{
    // TLS 1.0 and 1.1 are deprecated (RFC 8996). What else is agreed upon (suites, groups) is the system's policy.
    private const SslProtocols Versions = SslProtocols.Tls12 | SslProtocols.Tls13;

    // For our last record; a client that does not take it does not miss it.
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);

    private static readonly SslApplicationProtocol AcmeChallenge = new("acme-tls/1");
    private static readonly SslApplicationProtocol Http10 = new("http/1.0");
    private static readonly List<SslApplicationProtocol> Both = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11, Http10];
    private static readonly List<SslApplicationProtocol> Http1Only = [SslApplicationProtocol.Http11, Http10];
    private static readonly List<SslApplicationProtocol> ChallengeOnly = [AcmeChallenge];

    /// <summary>Agrees on TLS, and has what is inside served to its end.</summary>
    /// <param name="next">Serves it.</param>
    public async Task ServeAsync(ClientConnection connection, ClientTransport transport, Func<IDuplexPipe, TlsFeature, Task> next)
    {
        // A handshake takes as long as a dozen requests, for which those who share this thread are not to wait.
        await Task.Yield();
        await using var tls = new SslStream(new PipeStream(transport), leaveInnerStreamOpen: true);
        if (!await TryAgreeAsync(tls, connection))
        {
            return;
        }

        if (tls.NegotiatedApplicationProtocol == AcmeChallenge)
        {
            // The handshake was the answer (RFC 8737 §3).
            await SayGoodbyeAsync(tls, connection.Gate.Time);
            return;
        }

        var inside = new TlsPipe(tls, transport.Memory);
        try
        {
            await next(inside, new(tls));
        }
        finally
        {
            await CompleteAsync(inside);
            await SayGoodbyeAsync(tls, connection.Gate.Time);
        }
    }

    private async ValueTask<bool> TryAgreeAsync(SslStream tls, ClientConnection connection)
    {
        var settings = connection.Rules.Settings;
        var hello = connection.Hello;
        var challenge = hello.IsAcmeChallenge ? certificates.FindChallenge(hello.ServerName) : null;
        if ((challenge ?? certificates.Find(hello.ServerName, hello.TakesEcdsa)) is not { } certificate)
        {
            connection.Note(ConnectionEnd.HandshakeFailed);
            return false;
        }

        using var late = new CancellationTokenSource(settings.HeaderTimeout, connection.Gate.Time);
        try
        {
            await tls.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = certificate,
                    EnabledSslProtocols = Versions,
                    ApplicationProtocols = challenge is not null ? ChallengeOnly : settings.Http2 ? Both : Http1Only,
                    AllowRenegotiation = false,
                },
                late.Token);
            return true;
        }
        catch (Exception e) when (e is AuthenticationException or IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // Scanners, clients that do not trust us, clients that left: everyday things, told by the connection's end.
            connection.Note(late.IsCancellationRequested ? ConnectionEnd.Idle : ConnectionEnd.HandshakeFailed);
            return false;
        }
    }

    /// <summary>Sends what is left, if there is still somebody to send it to.</summary>
    private static async ValueTask CompleteAsync(TlsPipe inside)
    {
        try
        {
            await inside.CompleteAsync();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or ObjectDisposedException)
        {
            // It has gone already.
        }
    }

    /// <summary>Says that nothing more comes: without it, a client must take the end for a cut (RFC 8446 §6.1).</summary>
    private static async ValueTask SayGoodbyeAsync(SslStream tls, TimeProvider time)
    {
        try
        {
            await tls.ShutdownAsync().WaitAsync(Farewell, time);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or ObjectDisposedException or TimeoutException or OperationCanceledException or AuthenticationException)
        {
            // It has gone already.
        }
    }
}
