using System.Net;
using System.Net.NetworkInformation;

namespace Sentinel.Certificates.Dns;

/// <summary>A server that is to know a record, under the name that people know it by.</summary>
internal sealed record NameServer(string Name, IPEndPoint EndPoint, bool IsAuthoritative)
{
    public override string ToString() => Name.Length == 0 ? $"{EndPoint}" : $"{Name} ({EndPoint.Address})";
}

/// <summary>Finds out who answers for a name, by resolvers.</summary>
/// <param name="configured">The resolvers; none: those of the system.</param>
internal sealed class DnsResolver(IReadOnlyList<IPEndPoint> configured, TimeProvider time)
{
    private const int DnsPort = 53;
    private const int MostAliases = 8;

    /// <summary>Where a name leads to in the end: names of challenges are often aliases into another zone.</summary>
    public async Task<string> FollowAsync(string name, CancellationToken cancellationToken)
    {
        for (var i = 0; i < MostAliases; i++)
        {
            if ((await AskAsync(name, DnsKind.Cname, cancellationToken).ConfigureAwait(false)).FirstOrDefault(record => record.Owner == name) is not { } alias)
            {
                break;
            }

            name = alias.Data;
        }

        return name;
    }

    /// <summary>The authoritative servers of the zone that a name lies in.</summary>
    /// <returns>The resolvers themselves if they know of none.</returns>
    public async Task<IReadOnlyList<NameServer>> FindServersAsync(string name, CancellationToken cancellationToken)
    {
        // Up from the name until a zone begins; the root is nobody's.
        for (var zone = name; zone.Length > 0; zone = zone.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? zone[(dot + 1)..] : "")
        {
            var servers = (await AskAsync(zone, DnsKind.Ns, cancellationToken).ConfigureAwait(false)).Where(record => record.Owner == zone).Select(record => record.Data).Distinct().ToList();
            if (servers.Count > 0)
            {
                var found = await Task.WhenAll(servers.Select(server => FindAddressesAsync(server, cancellationToken))).ConfigureAwait(false);
                if (found.Any(addresses => addresses.Count > 0))
                {
                    return [.. found.SelectMany(addresses => addresses)];
                }
            }
        }

        return [.. Resolvers().Select(resolver => new NameServer("", resolver, IsAuthoritative: false))];
    }

    private async Task<IReadOnlyList<NameServer>> FindAddressesAsync(string server, CancellationToken cancellationToken)
    {
        var answers = await Task.WhenAll(AskAsync(server, DnsKind.A, cancellationToken), AskAsync(server, DnsKind.Aaaa, cancellationToken)).ConfigureAwait(false);
        return [.. answers.SelectMany(records => records).Where(record => record.Kind is DnsKind.A or DnsKind.Aaaa)
            .Select(record => new NameServer(server, new(IPAddress.Parse(record.Data), DnsPort), IsAuthoritative: true))];
    }

    /// <summary>The first resolver that knows counts.</summary>
    private async Task<IReadOnlyList<DnsRecord>> AskAsync(string name, DnsKind kind, CancellationToken cancellationToken)
    {
        foreach (var resolver in Resolvers())
        {
            if (await DnsClient.AskAsync(resolver, name, kind, recursive: true, time, cancellationToken).ConfigureAwait(false) is { IsKnown: true } reply)
            {
                return [.. reply.Answers.Where(record => record.Kind == kind || record.Kind == DnsKind.Cname)];
            }
        }

        return [];
    }

    private IReadOnlyList<IPEndPoint> Resolvers() => configured.Count > 0 ? configured :
        [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(one => one.GetIPProperties().DnsAddresses).Where(address => !address.IsIPv6SiteLocal).Distinct().Select(address => new IPEndPoint(address, DnsPort))];
}
