namespace Sentinel.Forwarding.Probing;

/// <summary>How long a probe waits.</summary>
/// <param name="Greeting">For a server that speaks first, and for one to close over what it does not understand.</param>
/// <param name="Answer">For an answer to a request or a TLS handshake.</param>
public sealed record ProbePatience(TimeSpan Greeting, TimeSpan Answer)
{
    /// <summary>For networks as they are.</summary>
    public static readonly ProbePatience Usual = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4));
}
