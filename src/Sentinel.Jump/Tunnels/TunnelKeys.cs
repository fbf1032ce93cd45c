using System.Globalization;
using System.Net;
using System.Text;
using Sentinel.Backends;
using Sentinel.Jump.Keys;

namespace Sentinel.Jump.Tunnels;

/// <summary>What VMs that connect out may show, and where each may listen: on its own address alone, so none can take another's place.</summary>
internal static class TunnelKeys
{
    /// <summary>All keys of all tunnels. What configuration let pass is a key.</summary>
    public static IEnumerable<KeyValuePair<BackendId, AuthorizedKey>> Of(IEnumerable<BackendDefinition> backends) =>
        from backend in backends
        from line in backend.Tunnel?.Keys ?? []
        let key = AuthorizedKey.TryParse(line)
        where key is not null
        select KeyValuePair.Create(backend.Id, key);

    /// <summary>The text of the key file (sshd(8), AUTHORIZED_KEYS FILE FORMAT) of the account of tunnels.</summary>
    /// <param name="addressOf">A backend's tunnel address.</param>
    public static string File(IEnumerable<BackendDefinition> backends, Func<BackendId, IPAddress> addressOf)
    {
        var text = new StringBuilder();
        foreach (var backend in backends.Where(backend => backend.Tunnel is not null))
        {
            var address = addressOf(backend.Id);
            var places = string.Concat(backend.Tunnel!.Ports.Select(port => string.Create(CultureInfo.InvariantCulture, $",permitlisten=\"{address}:{port}\"")));
            foreach (var (_, key) in Of([backend]))
            {
                text.Append(CultureInfo.InvariantCulture, $"restrict,port-forwarding{places} {key} {backend.Id}\n");
            }
        }

        return text.ToString();
    }
}
