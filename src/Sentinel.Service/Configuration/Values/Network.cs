using System.Net;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Values;

/// <summary>A network: address, slash, prefix length.</summary>
internal static class Network
{
    /// <summary>As an error asks for it.</summary>
    public const string Expected = "a network such as \"10.0.3.0/24\" or \"fd00:3::/64\"";

    /// <summary>The network in its usual spelling.</summary>
    public static Parsed<string> Parse(string text, ConfigurationEnvironment environment)
    {
        var network = ParseNetwork(text);
        return network.Refusal is { } refusal ? refusal : network.Value.ToString();
    }

    /// <summary>A network of proxies, whose word is taken for whom they connect for. Nobody may trust everybody.</summary>
    public static Parsed<IPNetwork> ParseProxies(string text, ConfigurationEnvironment environment)
    {
        var network = ParseNetwork(text);
        return network is { Refusal: null, Value.PrefixLength: 0 }
            ? new Refusal(Found: $"\"{text}\", by which anybody could claim to be anybody", Expected: "the networks of your own proxies alone, such as \"10.0.0.0/24\"")
            : network;
    }

    /// <summary>A part of 127.0.0.0/8 with room for backends, and that is not 127.0.0.0/16, where the machine's own services are.</summary>
    public static Parsed<IPNetwork> ParseLoopback(string text, ConfigurationEnvironment environment)
    {
        var network = ParseNetwork(text);
        if (network.Refusal is not null)
        {
            return network;
        }

        var (address, length) = (network.Value.BaseAddress, network.Value.PrefixLength);
        return address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork || !IPAddress.IsLoopback(address) || (length is < 9 or > 24) ? Refusal.Plain
            : network.Value.Contains(IPAddress.Loopback) ? new Refusal(Found: $"\"{text}\", in which the machine's own 127.0.0.1 is")
            : network;
    }

    private static Parsed<IPNetwork> ParseNetwork(string text)
    {
        var slash = text.IndexOf('/');
        if (slash < 0 && IpText.TryParse(text, out var alone))
        {
            return new Refusal($"for this one address write \"{text}/{alone.GetAddressBytes().Length * 8}\"");
        }

        if (slash < 0 || !IpText.TryParse(text.AsSpan(0, slash), out var address)
            || !int.TryParse(text.AsSpan(slash + 1), System.Globalization.NumberStyles.None, null, out var length)
            || length > address.GetAddressBytes().Length * 8)
        {
            return Refusal.Plain;
        }

        var bytes = address.GetAddressBytes();
        for (var bit = length; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        var network = new IPNetwork(new IPAddress(bytes), length);
        return network.BaseAddress.Equals(address) ? network
            : new Refusal($"write \"{network}\"", Found: $"\"{text}\", which has bits set behind its prefix");
    }
}
