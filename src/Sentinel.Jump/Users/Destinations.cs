using System.Globalization;
using System.Net;
using Sentinel.Backends;
using Sentinel.Jump.Addresses;

namespace Sentinel.Jump.Users;

/// <summary>What users may open from the sentinel.</summary>
/// <param name="backends">All there are.</param>
/// <param name="addressOf">Their stable addresses.</param>
/// <param name="port">Of those.</param>
internal sealed class Destinations(IReadOnlyCollection<BackendDefinition> backends, Func<BackendId, StableAddress?> addressOf, int port)
{
    private readonly IPNetwork[] _networks = [.. backends.SelectMany(backend => backend.Networks).Select(network => IPNetwork.Parse(network))];

    /// <summary>His backend's stable address and what he is allowed besides, as sshd compares them with what a client asks for.</summary>
    public IEnumerable<string> Of(JumpUser user) =>
        [.. user.Backend is { } home && addressOf(home) is { } stable ? [string.Create(CultureInfo.InvariantCulture, $"{stable.Address}:{port}")] : (string[])[],
            .. user.Allow.Where(IsOne)];

    /// <summary>
    /// Whether it means one machine, seen from here. An address in a network that several backends have does not: it is
    /// reached in two hops, and the backend decides.
    /// </summary>
    public bool IsOne(string destination) =>
        !IPAddress.TryParse(HostOf(destination), out var address) || _networks.Count(network => network.Contains(address)) < 2;

    /// <summary>Without port and brackets.</summary>
    public static string HostOf(string destination) => destination[..destination.LastIndexOf(':')].Trim('[', ']');

    /// <summary>Its port.</summary>
    public static string PortOf(string destination) => destination[(destination.LastIndexOf(':') + 1)..];
}
