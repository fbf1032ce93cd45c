using System.Text.Json;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>
/// Our table as the kernel has it. After a failure, or when somebody else has removed it, it is made from nothing again.
/// One caller at a time.
/// </summary>
internal sealed class TableInForce(string sentinel, NftProgram nft, ILogger logger)
{
    private readonly string _name = NftTable.NameFor(sentinel);
    private NftTable? _known;
    private bool _mayBeThere;
    private bool _isFailing;

    /// <summary>Whether the kernel would take everything that a table of ours may ever contain. Changes nothing.</summary>
    /// <returns>What nft complained of; null if it would.</returns>
    public Task<string?> CheckAsync(CancellationToken cancellationToken) =>
        nft.CheckAsync(NftRules.Render(NftTable.Sample(sentinel), fresh: true), cancellationToken);

    /// <summary>Puts the lanes in force; without any the table is removed.</summary>
    /// <param name="restarting">Called before counters begin at zero again: the last chance to read them.</param>
    /// <returns>What nft complained of; null if the kernel is in that state now.</returns>
    public async Task<string?> PutAsync(EquatableList<NftLane> lanes, Func<Task> restarting, CancellationToken cancellationToken)
    {
        if (lanes.Count == 0)
        {
            return _mayBeThere ? await RemoveAsync(cancellationToken).ConfigureAwait(false) : null;
        }

        var wanted = new NftTable(sentinel, lanes);
        if (wanted == _known)
        {
            return null;
        }

        var isFresh = !wanted.SharesObjectsWith(_known);
        if (isFresh)
        {
            await restarting().ConfigureAwait(false);
        }

        var complaint = await ApplyAsync(NftRules.Render(wanted, isFresh), wanted, cancellationToken).ConfigureAwait(false);
        if (complaint is not null)
        {
            // The old rules may send newcomers to a backend that is gone; without a target user space takes them.
            var idle = wanted with { Lanes = [.. lanes.Select(lane => lane with { Targets = [] })] };
            await nft.ApplyAsync(NftRules.Render(idle, fresh: true), cancellationToken).ConfigureAwait(false);
        }

        return complaint;
    }

    /// <summary>Removes the table.</summary>
    /// <returns>What nft complained of; null if it is gone.</returns>
    public async Task<string?> RemoveAsync(CancellationToken cancellationToken) =>
        _mayBeThere ? await ApplyAsync(NftRules.RenderRemoval(sentinel), null, cancellationToken).ConfigureAwait(false) : null;

    /// <summary>Reads the counters of every lane that is in force.</summary>
    /// <returns>By name of the lane; empty if there is no table, or it cannot be read.</returns>
    public async Task<IReadOnlyDictionary<string, LaneCounters>> ReadAsync(CancellationToken cancellationToken)
    {
        var counters = new Dictionary<string, LaneCounters>();
        if (_known is not { } table)
        {
            return counters;
        }

        var (output, complaint) = await nft.ListCountersAsync(_name, cancellationToken).ConfigureAwait(false);
        if (complaint is not null && !complaint.Contains("No such file", StringComparison.Ordinal))
        {
            Tell(complaint);
            return counters;
        }

        using var list = JsonDocument.Parse(complaint is null ? output : """{"nftables":[]}""");
        foreach (var lane in table.Lanes)
        {
            if (LaneCounters.Find(list, lane.Listener) is { } found)
            {
                counters[lane.Listener] = found;
            }
            else
            {
                Log.TableLost(logger, _name);
                _known = null;
                return new Dictionary<string, LaneCounters>();
            }
        }

        return counters;
    }

    private async Task<string?> ApplyAsync(string script, NftTable? table, CancellationToken cancellationToken)
    {
        _mayBeThere = true;
        var complaint = await nft.ApplyAsync(script, cancellationToken).ConfigureAwait(false);
        _known = complaint is null ? table : null;
        _mayBeThere = complaint is not null || table is not null;
        Tell(complaint);
        return complaint;
    }

    private void Tell(string? complaint)
    {
        if (complaint is not null && !_isFailing)
        {
            Log.TableFailed(logger, _name, complaint);
        }
        else if (complaint is null && _isFailing)
        {
            Log.TableMended(logger, _name);
        }

        _isFailing = complaint is not null;
    }
}
