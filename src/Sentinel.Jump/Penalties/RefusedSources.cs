using System.Globalization;
using Sentinel.Backends.Commands;

namespace Sentinel.Jump.Penalties;

/// <summary>
/// The sources that the kernel turns away from sshd's ports: an nftables table of our own, whose elements time out by themselves.
/// Only new connections are refused, so whoever is in stays in. Needs the program nft and CAP_NET_ADMIN.
/// </summary>
internal sealed class RefusedSources(TimeProvider time)
{
    private const string Table = "inet sentinel_ssh";

    /// <summary>They are arguments of a program, which may not be longer than some 100 KiB.</summary>
    private const int MostAtOnce = 200;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Those of the table that is in force, as nft wants them; empty: it is not known to be.</summary>
    private string _ports = "";

    /// <summary>Takes over what an earlier daemon left: whom it refused stays refused, and what is left of it goes when this one ends.</summary>
    public async Task AdoptAsync(IEnumerable<int> ports, CancellationToken cancellationToken)
    {
        // Without the table, the program or the right to use it there is nothing to take over.
        if (await RunAsync($"list table {Table}", cancellationToken).ConfigureAwait(false) is null)
        {
            await DeclareAsync(ports, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Turns them away, from now on.</summary>
    /// <param name="ports">Where sshd listens.</param>
    /// <returns>Null if that is so; else why not.</returns>
    public async Task<string?> AddAsync(IReadOnlyCollection<Refusal> refusals, IEnumerable<int> ports, CancellationToken cancellationToken)
    {
        if (await DeclareAsync(ports, cancellationToken).ConfigureAwait(false) is { } trouble)
        {
            return trouble;
        }

        foreach (var some in refusals.Chunk(MostAtOnce))
        {
            if (await RunAsync(string.Join('\n', some.Select(Element)), cancellationToken).ConfigureAwait(false) is { } error)
            {
                _ports = ""; // whatever became of the table, it is made anew next time
                return error;
            }
        }

        return null;
    }

    /// <summary>Lets everybody in again and leaves nothing behind.</summary>
    public async Task RemoveAsync()
    {
        if (_ports.Length > 0)
        {
            await RunAsync($"delete table {Table}", CancellationToken.None).ConfigureAwait(false);
            _ports = "";
        }
    }

    /// <summary>An element that is there keeps its old timeout unless it is made anew; deleting what is not there would be an error.</summary>
    private static string Element(Refusal refusal)
    {
        var (set, network) = (refusal.Source.IsV6 ? "six" : "four", refusal.Source.Network);
        return string.Create(CultureInfo.InvariantCulture, $$"""
            add element {{Table}} {{set}} { {{network}} }
            delete element {{Table}} {{set}} { {{network}} }
            add element {{Table}} {{set}} { {{network}} timeout {{refusal.For.TotalSeconds:0}}s }
            """);
    }

    /// <summary>One transaction, the same at any time: sets that are there keep what is in them, and the chain is written anew.</summary>
    private static string Rules(string ports) => $$"""
        table {{Table}} {
            set four { type ipv4_addr; flags timeout; size 65535; }
            set six { type ipv6_addr; flags timeout; size 65535; }
            chain input { type filter hook input priority filter - 10; policy accept; }
        }
        flush chain {{Table}} input
        add rule {{Table}} input tcp dport { {{ports}} } tcp flags & (syn | ack) == syn ip saddr @four reject with tcp reset
        add rule {{Table}} input tcp dport { {{ports}} } tcp flags & (syn | ack) == syn ip6 saddr & ffff:ffff:ffff:ffff:: @six reject with tcp reset
        """;

    private async Task<string?> DeclareAsync(IEnumerable<int> ports, CancellationToken cancellationToken)
    {
        var wanted = string.Join(", ", ports.Order().Select(port => port.ToString(CultureInfo.InvariantCulture)));
        if (wanted == _ports)
        {
            return null;
        }

        var error = await RunAsync(Rules(wanted), cancellationToken).ConfigureAwait(false);
        _ports = error is null ? wanted : "";
        return error;
    }

    private async Task<string?> RunAsync(string rules, CancellationToken cancellationToken)
    {
        var error = await Command.RunAsync(["nft", rules], Patience, time, cancellationToken).ConfigureAwait(false);
        return error is null ? null : $"nft {error}";
    }
}
