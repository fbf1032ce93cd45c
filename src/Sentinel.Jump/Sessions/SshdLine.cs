using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Sentinel.Jump.Sessions;

/// <summary>
/// What one line of sshd's log (LogLevel VERBOSE) says, as far as it matters here. Clients choose user names, goodbyes and
/// identities of certificates: a form is only believed where sshd's own words and numbers are told from theirs, at the
/// beginning or at the end of the line. What would break a line (newlines, control characters) is escaped by sshd.
/// </summary>
internal abstract partial record SshdLine(IPEndPoint Peer)
{
    // A line of sshd is never longer than about 1 KiB; this bounds what a backtracking match can cost.
    private const int Longest = 4096;

    /// <summary>Somebody logged in.</summary>
    /// <param name="Fingerprint"><c>SHA256:…</c> of the key that was shown, or of the key in the certificate.</param>
    /// <param name="Certificate">Null: it was a plain key.</param>
    public sealed record Accepted(string Account, IPEndPoint Peer, string Fingerprint, Certificate? Certificate) : SshdLine(Peer);

    /// <summary>A connection ended that asked for a user and could not log in: once a connection, however many keys it showed.</summary>
    /// <param name="Account">As the client wrote it, so perhaps nonsense; null: it ran out of time.</param>
    /// <param name="IsKnown">Whether there is such an account.</param>
    public sealed record Failed(string? Account, bool IsKnown, IPEndPoint Peer) : SshdLine(Peer);

    /// <summary>Who is logged in asked for what is not permitted.</summary>
    /// <param name="What">As sshd tells it.</param>
    public sealed record Denied(IPEndPoint Peer, string What) : SshdLine(Peer);

    /// <summary>Reads one line, without its end.</summary>
    /// <returns>Null if it says nothing that matters.</returns>
    public static SshdLine? TryParse(string line)
    {
        if (line.Length > Longest)
        {
            return null;
        }

        // What the unprivileged child says before a login ends in [preauth]; only the monitor accepts.
        if (AcceptedForm().Match(line) is { Success: true } accepted && !line.EndsWith("[preauth]", StringComparison.Ordinal) && PeerOf(accepted) is { } welcome)
        {
            return new Accepted(
                accepted.Groups["account"].Value, welcome, accepted.Groups["key"].Value,
                accepted.Groups["kind"].Value.EndsWith("-CERT", StringComparison.Ordinal) ? CertificateOf(accepted.Groups["id"].Value) : null);
        }

        if (FailedForm().Match(line) is { Success: true } failed && PeerOf(failed) is { } unwelcome)
        {
            return new Failed(failed.Groups["account"].Value, failed.Groups["known"].Value == "authenticating", unwelcome);
        }

        if (LateForm().Match(line) is { Success: true } late && PeerOf(late) is { } slow)
        {
            return new Failed(null, IsKnown: true, slow);
        }

        return DeniedForm().Match(line) is { Success: true } denied && PeerOf(denied) is { } curious
            ? new Denied(curious, denied.Groups["what"].Value)
            : null;
    }

    /// <summary>An identity that is too long for a line of sshd's leaves nothing to go by.</summary>
    private static Certificate CertificateOf(string text) =>
        CertificateForm().Match(text) is { Success: true } match ? new(match.Groups["id"].Value, match.Groups["authority"].Value) : new("", "");

    private static IPEndPoint? PeerOf(Match match) =>
        IPAddress.TryParse(match.Groups["address"].Value, out var address) && ushort.TryParse(match.Groups["port"].Value, CultureInfo.InvariantCulture, out var port)
            ? new(address, port)
            : null;

    [GeneratedRegex(@"^Accepted publickey for (?<account>[a-z_][a-z0-9_-]{0,31}) from (?<address>\S+) port (?<port>[0-9]{1,5}) ssh2: (?<kind>\S+) (?<key>SHA256:[A-Za-z0-9+/]{43})(?: ID (?<id>.*))?$", RegexOptions.CultureInvariant)]
    private static partial Regex AcceptedForm();

    [GeneratedRegex(@"^(?<id>.*) \(serial [0-9]+\) CA \S+ (?<authority>SHA256:[A-Za-z0-9+/]{43})$", RegexOptions.CultureInvariant)]
    private static partial Regex CertificateForm();

    // The address is the last thing before the fixed end, so no name can pass for it.
    [GeneratedRegex(@"^(?:Connection (?:closed|reset) by|Disconnected from|Disconnecting) (?<known>authenticating|invalid) user (?<account>.*) (?<address>\S+) port (?<port>[0-9]{1,5})(?:: (?:Too many authentication failures|Change of username or service not allowed: .*))? \[preauth\]$", RegexOptions.CultureInvariant)]
    private static partial Regex FailedForm();

    [GeneratedRegex(@"^(?:fatal: )?Timeout before authentication for (?:connection from )?(?<address>[0-9a-f.:]+)(?: to \S+, pid = [0-9]+| port (?<port>[0-9]{1,5}))$", RegexOptions.CultureInvariant)]
    private static partial Regex LateForm();

    [GeneratedRegex(@"^Received request from (?<address>\S+) port (?<port>[0-9]{1,5}) (?<what>to (?:connect to host|remote forward to host|connect to path|remote forward to path) .*), but the request was denied\.$", RegexOptions.CultureInvariant)]
    private static partial Regex DeniedForm();
}
