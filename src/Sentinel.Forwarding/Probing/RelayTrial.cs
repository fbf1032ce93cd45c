using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Probing;

/// <summary>
/// For listeners that relay what they do not understand. Whether a backend expects the PROXY header shows in how it takes
/// a connection with it and one without: who speaks first is listened to, who waits is asked in HTTP and in TLS.
/// </summary>
internal sealed class RelayTrial(Knock knock) : Trial(knock)
{
    public override Task<ProbeFinding> RunAsync(CancellationToken cancellationToken) =>
        Settings.ProxyProtocol == ProxyProtocol.None ? WithoutAsync(cancellationToken) : WithAsync(Settings.ProxyProtocol, cancellationToken);

    /// <summary>No header is configured.</summary>
    private async Task<ProbeFinding> WithoutAsync(CancellationToken cancellationToken)
    {
        var greeting = await Knock.ListenAsync(ProxyProtocol.None, untilEnd: false, cancellationToken);
        if (!greeting.IsReached)
        {
            return Unreached(greeting.Dial);
        }

        if (await SpokenAsync(ProxyProtocol.None, greeting, cancellationToken) is { } said)
        {
            return Good(said.Quote);
        }

        var forms = new[] { ProxyProtocol.V1, ProxyProtocol.V2 };
        var others = await Task.WhenAll(forms.Select(form => SpokenAsync(form, cancellationToken)));
        return forms.Zip(others).FirstOrDefault(pair => pair.Second is not null) is (var wanted, { } other)
            ? Wrong($"it answers only after a PROXY header (then: {other.Quote}); set {Key(wanted)}, or have the backend not expect one")
            : Unclear(greeting, "");
    }

    /// <summary>A header is configured.</summary>
    private async Task<ProbeFinding> WithAsync(ProxyProtocol configured, CancellationToken cancellationToken)
    {
        var greetings = await Task.WhenAll(
            Knock.ListenAsync(configured, untilEnd: true, cancellationToken), Knock.ListenAsync(ProxyProtocol.None, untilEnd: true, cancellationToken));
        var (greeting, bare) = (greetings[0], greetings[1]);
        if (!greeting.IsReached)
        {
            return Unreached(greeting.Dial);
        }

        var said = await Task.WhenAll(SpokenAsync(configured, greeting, cancellationToken), SpokenAsync(ProxyProtocol.None, bare, cancellationToken));
        var (with, without) = (said[0], said[1]);
        if (without is null && with is not null)
        {
            return Good($"{with.Quote}, after its PROXY header");
        }

        if (without is null)
        {
            var other = configured == ProxyProtocol.V1 ? ProxyProtocol.V2 : ProxyProtocol.V1;
            return await SpokenAsync(other, cancellationToken) is { } wanted
                ? Wrong($"it wants another form of the PROXY header (then: {wanted.Quote}); set {Key(other)}")
                : Unclear(greeting, " after its PROXY header");
        }

        // It does well without. With the header it must not have been surprised: said more, left, or found a request bad.
        var surprised = greeting.Closed && !bare.Closed ? "closes the connection at it"
            : greeting.IsAnswer && !greeting.Bytes.AsSpan().SequenceEqual(bare.Bytes) ? $"answers it with {greeting.Quote}"
            : with is null ? "says nothing after it"
            : with.Status == 400 && without.Status != 400 ? "finds a request bad that follows it"
            : null;
        return surprised is null
            ? Good($"{without.Quote}, with and without a PROXY header")
            : Wrong($"it does not expect the PROXY header and {surprised}, but serves without it ({without.Quote}); leave proxyProtocol out, or have the backend expect one");
    }

    private async Task<Heard?> SpokenAsync(ProxyProtocol header, CancellationToken cancellationToken) =>
        await SpokenAsync(header, await Knock.ListenAsync(header, untilEnd: false, cancellationToken), cancellationToken);

    /// <summary>What it said by itself or when asked; null for nothing.</summary>
    private async Task<Heard?> SpokenAsync(ProxyProtocol header, Heard greeting, CancellationToken cancellationToken)
    {
        if (greeting.IsAnswer || greeting.Closed)
        {
            return greeting.IsAnswer ? greeting : null;
        }

        var answers = await Task.WhenAll(Knock.AskAsync(header, tls: null, cancellationToken), Knock.GreetAsync(header, cancellationToken));
        return answers.FirstOrDefault(answer => answer.Tls is not null || (answer.IsAnswer && answer.Status != 400)) ?? answers.FirstOrDefault(answer => answer.IsAnswer);
    }

    private ProbeFinding Unclear(Heard greeting, string when) => greeting.Closed
        ? Wrong($"it closes each connection{when} without a word; see the backend's log")
        : Good($"accepts{when}, and answers neither HTTP nor TLS: a protocol of its own, which cannot be told from here");
}
