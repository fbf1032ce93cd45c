using System.Net;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Values;

/// <summary>Where a backend answers: an IP address or a host name, without port.</summary>
internal static class HostAddress
{
    /// <summary>As an error asks for it.</summary>
    public const string Expected = "an IP address or a host name";

    /// <summary>Checks the form; nothing is resolved.</summary>
    public static Parsed<string> Parse(string text, ConfigurationEnvironment environment)
    {
        if (IpText.TryParse(text, out var address))
        {
            return address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)
                ? new Refusal(Found: $"\"{text}\", which is no place to connect to")
                : address.ToString();
        }

        if (text.StartsWith('[') && text.EndsWith(']') && IpText.TryParse(text.AsSpan(1..^1), out address))
        {
            return new Refusal($"write \"{address}\" without brackets");
        }

        if (text.LastIndexOf(':') is > 0 and var colon && !text.Contains("//", StringComparison.Ordinal) && text.AsSpan(colon + 1).IndexOfAnyExceptInRange('0', '9') < 0)
        {
            return new Refusal("leave the port out: health and listeners give it");
        }

        return IsName(text) ? text : Refusal.Plain;
    }

    /// <summary>Whether a text is a host name (RFC 1123 §2.1); underscores, which some networks use, are let pass.</summary>
    public static bool IsName(string text)
    {
        var labels = text.Split('.');

        // a last label of digits alone would make it a mistyped IPv4 address
        return text.Length <= 253 && labels.All(IsLabel) && !labels[^1].All(char.IsAsciiDigit);
    }

    private static bool IsLabel(string label) =>
        label.Length is > 0 and <= 63 && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
