namespace Sentinel.Backends.Daemons;

/// <summary>Where the daemon on a VM answers, and how requests to it are signed: with one of the two keys.</summary>
public sealed record DaemonEndpoint
{
    /// <summary>http:// or https://, with <c>{address}</c> where the VM's address goes.</summary>
    public required string Url { get; init; }

    /// <summary>A file with the secret that both sides share.</summary>
    public string? HmacSecretFile { get; init; }

    /// <summary>A file with the private key, PKCS #8 in PEM, whose public part the VM knows.</summary>
    public string? Ed25519KeyFile { get; init; }

    /// <summary>https: the only authorities, in PEM, that may have signed the VM's certificate; null: those of the system.</summary>
    public string? CaFile { get; init; }

    /// <summary>The URL of a VM.</summary>
    /// <param name="address">Its IP address or host name.</param>
    public Uri At(string address)
    {
        var isIPv6 = System.Net.IPAddress.TryParse(address, out var ip) && ip.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        return new Uri(Url.Replace("{address}", isIPv6 ? $"[{address}]" : address, StringComparison.Ordinal));
    }
}
