using System.Globalization;
using Sentinel.Backends;
using Sentinel.Jump.Addresses;
using Sentinel.Jump.Keys;
using Sentinel.Jump.Tunnels;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Files;

/// <summary>Everything that sshd and the route read, as it should be.</summary>
internal static class FilePlan
{
    /// <summary>Texts by path.</summary>
    /// <param name="settings">Null: there is no jump host, and nobody gets in.</param>
    /// <param name="users">All of them.</param>
    /// <param name="routed">Those who log in here.</param>
    public static Dictionary<string, string> Of(
        JumpPlaces places, JumpSettings? settings, IReadOnlyCollection<JumpUser> users, IReadOnlyCollection<JumpUser> routed,
        IReadOnlyCollection<BackendDefinition> backends, Func<BackendId, StableAddress?> addressOf)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal) { [places.JumpKeys] = "", [places.JumpKeys + JumpPlaces.PrincipalsEnding] = "", [places.TunnelKeys] = "" };
        if (settings is null)
        {
            return files;
        }

        var destinations = new Destinations(backends, addressOf, settings.StablePort);
        files[places.JumpKeys] = KeyFile.Jump(users, destinations.Of);
        files[places.JumpKeys + JumpPlaces.PrincipalsEnding] = KeyFile.JumpPrincipals(users, destinations.Of);
        files[places.TunnelKeys] = TunnelKeys.File(backends.Where(backend => addressOf(backend.Id) is not null), backend => addressOf(backend)!.Tunnel);
        foreach (var user in routed)
        {
            var keys = Path.Combine(places.UserKeys, user.Name);
            files[keys] = KeyFile.Of(user);
            files[keys + JumpPlaces.PrincipalsEnding] = KeyFile.PrincipalOf(user);
            if (user.Backend is { } home && addressOf(home) is { } stable)
            {
                files[Path.Combine(places.Routes, user.Name)] = string.Create(CultureInfo.InvariantCulture, $"{stable.Address} {settings.StablePort} {user.Name} {home.Name}\n{settings.Account} {settings.Host ?? "-"} {settings.Bind[0].Port}\n");
            }
        }

        return files;
    }
}
