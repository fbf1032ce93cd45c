using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Probing;

/// <summary>For listeners that pass TLS through: a handshake for the route's name comes to an end, after the header if one is configured.</summary>
internal sealed class TlsTrial(Knock knock) : Trial(knock)
{
    public override async Task<ProbeFinding> RunAsync(CancellationToken cancellationToken)
    {
        var configured = Settings.ProxyProtocol;
        var heard = await Knock.GreetAsync(configured, cancellationToken);
        if (!heard.IsReached)
        {
            return Unreached(heard.Dial);
        }

        if (heard.Tls is { } tls)
        {
            return Good(configured == ProxyProtocol.None ? tls : $"{tls}, after its PROXY header");
        }

        var forms = new[] { ProxyProtocol.None, ProxyProtocol.V1, ProxyProtocol.V2 }.Where(form => form != configured).ToArray();
        var others = await Task.WhenAll(forms.Select(form => Knock.GreetAsync(form, cancellationToken)));
        if (forms.Zip(others).FirstOrDefault(pair => pair.Second.Tls is not null) is (var wanted, { }))
        {
            return Wrong((configured, wanted) switch
            {
                (ProxyProtocol.None, _) => $"it speaks TLS only after a PROXY header; set {Key(wanted)}, or have the backend not expect one",
                (_, ProxyProtocol.None) => "it does not expect the PROXY header: TLS fails with it and works without; leave proxyProtocol out, or have the backend expect one",
                _ => $"it wants another form of the PROXY header; set {Key(wanted)}",
            });
        }

        if (heard.IsTls && configured == ProxyProtocol.None)
        {
            return Knock.Way.Host is null
                ? Good("TLS; it wants a server name that it knows")
                : Wrong($"it speaks TLS and refuses this name ({heard.Fault}); give the backend a certificate for it, or mend the route");
        }

        var clear = await Knock.AskAsync(configured, tls: null, cancellationToken);
        return clear.IsHttp
            ? Wrong("it speaks HTTP in clear; give the backend's TLS port, or use protocol https")
            : Wrong($"no TLS could be agreed upon ({heard.Fault}); is this the backend's TLS port?");
    }
}
