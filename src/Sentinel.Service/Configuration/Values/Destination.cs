using System.Globalization;
using System.Net;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Values;

/// <summary>Where a jump may go: <c>10.0.3.100:22</c>, <c>[fd00::5]:22</c>, <c>db.internal:5432</c>. sshd compares it with what the client writes.</summary>
internal static class Destination
{
    /// <summary>As an error asks for it.</summary>
    public const string Expected = "a host and a port, such as \"10.0.3.100:22\"";

    /// <summary>In its usual spelling.</summary>
    public static Parsed<string> Parse(string text, ConfigurationEnvironment environment)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > IPEndPoint.MaxPort)
        {
            return Refusal.Plain;
        }

        var host = text[..colon];
        return host.StartsWith('[') && host.EndsWith(']') && IpText.TryParse(host.AsSpan(1..^1), out var bracketed) ? $"[{bracketed}]:{port}"
            : IpText.TryParse(host, out var address) && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? $"{address}:{port}"
            : HostAddress.IsName(host) ? $"{host}:{port}"
            : Refusal.Plain;
    }
}
