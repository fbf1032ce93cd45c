using System.Net.Security;
using System.Security.Authentication;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Http.Tls.OpenSsl;
using Sentinel.Forwarding.Http.Transports;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http.Tls;

/// <summary>
/// Ends TLS between a client and HTTP. The certificate is looked up at each handshake, by the name
/// in the hello that was peeked, so a new one needs no restart; what is made of it is kept for as long as it is looked up.
/// </summary>
internal sealed class TlsTermination(ICertificates certificates)
{
    // TLS 1.0 and 1.1 are deprecated (RFC 8996). What else SslStream agrees on (suites, groups) is the system's policy: with one of ours it would keep no
    // context, and make each handshake of an outage anew.
    private const SslProtocols Versions = SslProtocols.Tls12 | SslProtocols.Tls13;

    // For our last record; a client that does not take it does not miss it.
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);

    private static readonly SslApplicationProtocol AcmeChallenge = new("acme-tls/1");
    private static readonly SslApplicationProtocol Http10 = new("http/1.0");
    private static readonly List<SslApplicationProtocol> Both = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11, Http10];
    private static readonly List<SslApplicationProtocol> Http1Only = [SslApplicationProtocol.Http11, Http10];
    private static readonly List<SslApplicationProtocol> ChallengeOnly = [AcmeChallenge];

    private readonly TlsContexts _contexts = new();

    /// <summary>Agrees on TLS, and has what is inside served to its end.</summary>
    /// <param name="next">Serves it.</param>
    public async Task ServeAsync(ClientConnection connection, ClientTransport transport, Func<IAbandonablePipe, TlsFeature, Task> next)
    {
        // A handshake takes as long as a dozen requests, for which those who share this thread are not to wait.
        await Task.Yield();
        var hello = connection.Hello;
        var challenge = hello.IsAcmeChallenge ? certificates.FindChallenge(hello.ServerName) : null;
        if ((challenge ?? certificates.Find(hello.ServerName, hello.TakesEcdsa)) is not { } certificate)
        {
            connection.Note(ConnectionEnd.HandshakeFailed);
        }
        else if (challenge is null && connection.Loop is { } socket && _contexts.Find(certificate, connection.Rules.Settings.Http2) is { } context)
        {
            await ServeOnLoopAsync(connection, socket, context, next);
        }
        else
        {
            await ServeStreamAsync(connection, transport, certificate, challenge is null ? connection.Rules.Settings.Http2 ? Both : Http1Only : ChallengeOnly, next);
        }
    }

    private static async Task ServeOnLoopAsync(ClientConnection connection, LoopSocket socket, TlsContext context, Func<IAbandonablePipe, TlsFeature, Task> next)
    {
        using var tls = new TlsSocket(socket, context, connection.Traffic);
        if (!await TryAgreeAsync(tls.AgreeAsync, connection))
        {
            return;
        }

        var inside = new LoopPipe(tls, new Uncounted(connection.Traffic));
        try
        {
            await next(inside, new(tls.ApplicationProtocol, tls.EndSendingAsync));
        }
        finally
        {
            await inside.FinishAsync();
            await SayGoodbyeAsync(tls.EndSendingAsync, connection.Gate.Time);
        }
    }

    private static async Task ServeStreamAsync(
        ClientConnection connection, ClientTransport transport, SslStreamCertificateContext certificate, List<SslApplicationProtocol> protocols, Func<IAbandonablePipe, TlsFeature, Task> next)
    {
        await using var tls = new SslStream(new PipeStream(transport), leaveInnerStreamOpen: true);
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificate,
            EnabledSslProtocols = Versions,
            ApplicationProtocols = protocols,
            AllowRenegotiation = false,
        };
        if (!await TryAgreeAsync(late => tls.AuthenticateAsServerAsync(options, late), connection))
        {
            return;
        }

        if (tls.NegotiatedApplicationProtocol == AcmeChallenge)
        {
            // The handshake was the answer (RFC 8737 §3).
            await SayGoodbyeAsync(tls.ShutdownAsync, connection.Gate.Time);
            return;
        }

        var inside = new TlsPipe(tls, transport.Memory);
        try
        {
            await next(inside, new(tls.NegotiatedApplicationProtocol, tls.ShutdownAsync));
        }
        finally
        {
            await CompleteAsync(inside);
            await SayGoodbyeAsync(tls.ShutdownAsync, connection.Gate.Time);
        }
    }

    private static async ValueTask<bool> TryAgreeAsync(Func<CancellationToken, Task> agreeAsync, ClientConnection connection)
    {
        using var late = new CancellationTokenSource(connection.Rules.Settings.HeaderTimeout, connection.Gate.Time);
        try
        {
            await agreeAsync(late.Token);
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
    private static async ValueTask SayGoodbyeAsync(Func<Task> endSendingAsync, TimeProvider time)
    {
        try
        {
            await endSendingAsync().WaitAsync(Farewell, time);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or ObjectDisposedException or TimeoutException or OperationCanceledException or AuthenticationException)
        {
            // It has gone already.
        }
    }
}
