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
        var slash = text.IndexOf('/');
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
        return network.BaseAddress.Equals(address) ? network.ToString()
            : new Refusal($"write \"{network}\"", Found: $"\"{text}\", which has bits set behind its prefix");
    }
}
