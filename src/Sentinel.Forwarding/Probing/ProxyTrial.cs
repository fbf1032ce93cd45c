using System.Net.Security;
using Sentinel.Forwarding.Http.Upstreams;
using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Probing;

/// <summary>For listeners that proxy HTTP: a request is answered, inside TLS that is verified if that is configured.</summary>
internal sealed class ProxyTrial(Knock knock) : Trial(knock)
{
    public override async Task<ProbeFinding> RunAsync(CancellationToken cancellationToken)
    {
        SslClientAuthenticationOptions? options = null;
        if (Settings.UpstreamTls is { } settings)
        {
            var (tls, error) = await UpstreamTls.ReadAsync(settings, cancellationToken);
            if (tls is null)
            {
                return Wrong(error!);
            }

            options = tls.Options(Knock.Way.Address!, SslApplicationProtocol.Http11);
        }

        var heard = await Knock.AskAsync(ProxyProtocol.None, options, cancellationToken);
        if (!heard.IsReached)
        {
            return Unreached(heard.Dial);
        }

        if (heard is { IsHttp: true, Fault: null } && (heard.Status != 400 || options is not null))
        {
            return Good(options is null ? heard.Quote : $"{heard.Quote} over TLS");
        }

        return await ExplainAsync(heard, options, cancellationToken) ?? heard switch
        {
            { IsHttp: true, Fault: null } => Good(heard.Quote),
            { IsHttp2: true } => Good("HTTP/2 alone: gRPC gets through, other requests do not"),
            { IsAnswer: true, Fault: null } => Wrong($"it answers {heard.Quote}, which is not HTTP; mend port, or use protocol tcp"),
            { Fault: { } fault } => Wrong($"TLS could not be agreed upon: {fault}; mend upstreamTls (serverName, caFile) or the backend's certificate"),
            { Closed: true } => Wrong("it closes the connection at a request"),
            _ => Wrong("it takes the connection and does not answer a request"),
        };
    }

    /// <summary>What would have worked; null if nothing does.</summary>
    private async Task<ProbeFinding?> ExplainAsync(Heard heard, SslClientAuthenticationOptions? options, CancellationToken cancellationToken)
    {
        if (options is not null && !heard.IsTls && (await Knock.AskAsync(ProxyProtocol.None, tls: null, cancellationToken)).IsHttp)
        {
            return Wrong("it speaks HTTP in clear; leave upstreamTls out, or give the backend's TLS port");
        }

        if (options is null && (await Knock.GreetAsync(ProxyProtocol.None, cancellationToken)).IsTls)
        {
            return Wrong("it speaks TLS; set upstreamTls, or give the port where it speaks HTTP in clear");
        }

        if (!heard.IsAnswer && (await Knock.AskAsync(ProxyProtocol.V1, options, cancellationToken)).IsHttp)
        {
            return Wrong($"it answers only after a PROXY header, which protocol {Settings.Protocol.ToString().ToLowerInvariant()} does not send: have the backend not expect one; it learns the client's address from X-Forwarded-For");
        }

        return null;
    }
}
