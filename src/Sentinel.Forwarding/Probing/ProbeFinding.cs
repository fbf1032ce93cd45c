using Sentinel.Backends;

namespace Sentinel.Forwarding.Probing;

/// <summary>What a probe thinks of one way from a listener to a backend.</summary>
public enum ProbeVerdict
{
    /// <summary>Clients would be served.</summary>
    Good,

    /// <summary>They would not, or not as configured.</summary>
    Wrong,

    /// <summary>There was nowhere to connect to.</summary>
    NotTried,
}

/// <summary>What was found at the end of one way from a listener to a backend.</summary>
/// <param name="Listener">The listener's name.</param>
/// <param name="Backend">The backend.</param>
/// <param name="Place">Address and port that were tried, and the host that was asked for.</param>
/// <param name="Verdict">In a word.</param>
/// <param name="Text">For people: what was found and, if it is wrong, what to do. May quote the backend.</param>
public sealed record ProbeFinding(string Listener, BackendId Backend, string Place, ProbeVerdict Verdict, string Text);
