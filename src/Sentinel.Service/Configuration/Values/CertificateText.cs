using System.Net;
using System.Net.Sockets;
using Sentinel.Certificates;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Values;

/// <summary>The texts of <c>certificates</c>.</summary>
internal static class CertificateText
{
    /// <summary>As an error asks for a directory.</summary>
    public const string ExpectedDirectory = "an https:// URL";

    /// <summary>As an error asks for a name.</summary>
    public const string ExpectedName = "a host name such as \"example.com\" or \"*.example.com\"";

    /// <summary>As an error asks for a kind of challenge.</summary>
    public const string ExpectedChallenge = "http-01, tls-alpn-01 or dns-01";

    /// <summary>As an error asks for a resolver.</summary>
    public const string ExpectedResolver = "an address such as \"192.0.2.53\", or one with a port such as \"127.0.0.1:5353\"";

    /// <summary>For the schema.</summary>
    public const string ChallengePattern = "^(http-01|tls-alpn-01|dns-01)$";

    private static readonly (ChallengeKind Kind, string Word)[] Challenges =
        [(ChallengeKind.Http01, "http-01"), (ChallengeKind.TlsAlpn01, "tls-alpn-01"), (ChallengeKind.Dns01, "dns-01")];

    public static string WordOf(ChallengeKind kind) => Challenges.First(challenge => challenge.Kind == kind).Word;

    public static Parsed<ChallengeKind> ParseChallenge(string text, ConfigurationEnvironment environment)
    {
        foreach (var (kind, word) in Challenges)
        {
            if (word == text)
            {
                return kind;
            }
        }

        return Checks.NearMiss.Of(text, Challenges.Select(challenge => challenge.Word)) is { } near ? new Refusal($"did you mean \"{near}\"?") : Refusal.Plain;
    }

    /// <summary>An ACME directory is only ever reached over TLS (RFC 8555 §6.1).</summary>
    public static Parsed<Uri> ParseDirectory(string text, ConfigurationEnvironment environment) =>
        WebAddress.Parse(text, environment) is { Refusal: { } refusal } ? refusal with { Expected = ExpectedDirectory }
        : new Uri(text) is { Scheme: "https" } uri ? uri
        : Refusal.Plain;

    /// <summary>A URL that is one whatever address stands in it.</summary>
    public static Parsed<string> ParseTemplate(string text, ConfigurationEnvironment environment) =>
        WebAddress.Parse(text.Replace("{address}", "192.0.2.1", StringComparison.Ordinal), environment).Refusal is { } refusal ? refusal with { Expected = null } : text;

    /// <summary>A name that an authority may vouch for: no address, and no single label.</summary>
    public static Parsed<string> ParseName(string text, ConfigurationEnvironment environment)
    {
        var name = text.StartsWith("*.", StringComparison.Ordinal) ? text[2..] : text;
        return name.Any(c => !char.IsAscii(c)) ? new Refusal("write international names in their xn-- form")
            : HostAddress.IsName(name) && name.Contains('.', StringComparison.Ordinal) && !name.Contains('_', StringComparison.Ordinal) ? text.ToLowerInvariant()
            : Refusal.Plain;
    }

    /// <summary>An address, with port 53 where none is named.</summary>
    public static Parsed<IPEndPoint> ParseResolver(string text, ConfigurationEnvironment environment) =>
        !text.StartsWith('[') && IPAddress.TryParse(text, out var address) && (address.AddressFamily == AddressFamily.InterNetworkV6 || text.Count(c => c == '.') == 3) ? new IPEndPoint(address, 53)
        : IPEndPoint.TryParse(text, out var resolver) && resolver.Port > 0 && text.Contains(':', StringComparison.Ordinal) ? resolver
        : Refusal.Plain;

    /// <summary>Whether it can be a mail address; who reads it is for the authority to find out.</summary>
    public static bool IsMail(string text) =>
        text.IndexOf('@', StringComparison.Ordinal) is > 0 and var at && at == text.LastIndexOf('@') && HostAddress.IsName(text[(at + 1)..]) && !text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c is ',' or '?');
}
