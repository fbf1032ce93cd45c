using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Values;

/// <summary>Addresses to listen on: <c>10.0.0.1:80</c>, <c>[::]:80</c>, <c>fd:NAME</c>.</summary>
internal static class ListenAddress
{
    /// <summary>As an error asks for it.</summary>
    public const string Expected = "an IP address and a port from 1 to 65535, such as \"0.0.0.0:80\" or \"[::]:80\"";

    private const string SocketPrefix = "fd:";

    /// <summary>An address, or a socket that the service manager passes.</summary>
    public static Parsed<BindAddress> Parse(string text, ConfigurationEnvironment environment)
    {
        if (text.StartsWith(SocketPrefix, StringComparison.Ordinal))
        {
            // systemd.socket(5), FileDescriptorName=: up to 255 characters, no control characters, no colon
            var name = text[SocketPrefix.Length..];
            return name.Length is > 0 and <= 255 && !name.Any(c => char.IsControl(c) || c == ':')
                ? new BindAddress(null, name)
                : new Refusal(Expected: "the name of a systemd socket after \"fd:\", as FileDescriptorName= gives it");
        }

        var parsed = ParseEndPoint(text, environment);
        return parsed.Refusal is { } refusal ? refusal : new BindAddress(parsed.Value, null);
    }

    /// <summary>An address.</summary>
    public static Parsed<IPEndPoint> ParseEndPoint(string text, ConfigurationEnvironment environment)
    {
        var colon = text.LastIndexOf(':');
        if (IpText.TryParse(text, out var alone))
        {
            return new Refusal(alone.AddressFamily == AddressFamily.InterNetworkV6
                ? "put IPv6 in brackets and add a port: write \"[ADDRESS]:PORT\""
                : $"add a port: write \"{text}:PORT\"");
        }

        if (colon < 0)
        {
            return text.Length > 0 && text.All(char.IsAsciiDigit) ? EveryAddress(text) : Refusal.Plain;
        }

        var (host, digits) = (text[..colon], text[(colon + 1)..]);
        if (!TryPort(digits, out var port))
        {
            return Refusal.Plain;
        }

        if (host is "" or "*")
        {
            return EveryAddress(digits);
        }

        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
        {
            return new Refusal($"write \"127.0.0.1:{port}\" or \"[::1]:{port}\"");
        }

        var inBrackets = host.Length > 2 && host[0] == '[' && host[^1] == ']';
        return IpText.TryParse(inBrackets ? host[1..^1] : host, out var address) && inBrackets == (address.AddressFamily == AddressFamily.InterNetworkV6)
            ? new IPEndPoint(address, port)
            : Refusal.Plain;
    }

    private static bool TryPort(string digits, out int port) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is >= 1 and <= IPEndPoint.MaxPort && digits[0] != '0';

    private static Refusal EveryAddress(string port) => new($"for every address write \"0.0.0.0:{port}\" and \"[::]:{port}\"");
}
