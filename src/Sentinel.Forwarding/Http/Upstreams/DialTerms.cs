using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Sentinel.Backends;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>Under what a connection is opened: the listener's patience, and where the attempt is counted. Travels with the request that asks for it.</summary>
/// <param name="Client">Whose requests it is to carry.</param>
/// <param name="Tls">How TLS is spoken on it; null: it is in clear.</param>
/// <param name="MustBeNew">Whether none will do that was in use before.</param>
internal sealed record DialTerms(ClientConnection Client, PoolId Pool, TimeSpan Timeout, UpstreamTls? Tls, bool MustBeNew)
{
    private static readonly HttpRequestOptionsKey<DialTerms> Key = new(nameof(DialTerms));

    /// <summary>Who waits for it, best the one that waits for the client; null: .NET does.</summary>
    public SocketLoop? Loop => Client.Loop?.Loop;

    private Gate Gate => Client.Gate;

    public static DialTerms Of(HttpRequestMessage request) =>
        request.Options.TryGetValue(Key, out var terms) ? terms : throw new InvalidOperationException("A request without dial terms.");

    public void AttachTo(HttpRequestMessage request) => request.Options.Set(Key, this);

    /// <exception cref="DialFailure">It could not be opened.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async ValueTask<Socket> DialAsync(string host, int port, CancellationToken cancellationToken)
    {
        var start = Gate.Time.GetTimestamp();
        var (socket, outcome) = await new Dialler(Gate.Time).DialAsync(host, port, Timeout, cancellationToken);
        Gate.Dialled(Pool, outcome, start);
        return socket ?? throw new DialFailure(outcome);
    }

    /// <summary>As <see cref="DialAsync"/>, on the loop.</summary>
    /// <exception cref="DialFailure">It could not be opened.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async ValueTask<LoopSocket> DialOnLoopAsync(string host, int port, CancellationToken cancellationToken)
    {
        var start = Gate.Time.GetTimestamp();
        var dial = new LoopDial(Loop!);
        var (_, outcome) = await new Dialler(Gate.Time, dial.ConnectAsync).DialAsync(host, port, Timeout, cancellationToken);
        Gate.Dialled(Pool, outcome, start);
        return dial.Connected ?? throw new DialFailure(outcome);
    }

    /// <summary>Agrees on TLS, if these terms ask for it, within the timeout of an attempt.</summary>
    /// <param name="clear">The connection; disposed if this fails.</param>
    /// <param name="host">The backend's address.</param>
    /// <param name="protocol">The version of HTTP that will be spoken.</param>
    /// <exception cref="DialFailure">They did not agree. Nothing of a request has left this process.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async ValueTask<Stream> SecureAsync(Stream clear, string host, SslApplicationProtocol protocol, CancellationToken cancellationToken)
    {
        if (Tls is null)
        {
            return clear;
        }

        var start = Gate.Time.GetTimestamp();
        using var late = new CancellationTokenSource(Timeout, Gate.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        var aside = new AsideStream(clear);
        var tls = new SslStream(aside);
        try
        {
            await Task.Yield();
            await tls.AuthenticateAsClientAsync(Tls.Options(host, protocol), either.Token);
            aside.End();
            return tls;
        }
        catch (Exception e)
        {
            await tls.DisposeAsync();
            cancellationToken.ThrowIfCancellationRequested();
            Gate.Dialled(Pool, DialOutcome.TlsFailed, start);
            throw e is AuthenticationException or IOException or OperationCanceledException
                ? new DialFailure(DialOutcome.TlsFailed, late.IsCancellationRequested ? new TimeoutException("It took longer than connectTimeout.") : e)
                : e;
        }
    }
}
