using System.Globalization;
using Sentinel.Recovery.Simulation;

namespace Sentinel.Service.Cli;

/// <summary>
/// A recorded trace: CSV lines <c>TIME,EVENT,NAME</c> with times in RFC 3339 in ascending order; events are <c>preempted</c> of a VM,
/// <c>capacity_gone</c> and <c>capacity_back</c> of a zone. A first line of headings is passed over.
/// </summary>
internal sealed record PreemptionTrace(IReadOnlyList<TraceEntry> Entries, int Vms, int Zones, TimeSpan Span)
{
    /// <exception cref="CommandFailure">It cannot be read.</exception>
    public static PreemptionTrace Read(string file)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitStatus.Usage, $"{file} cannot be read: {e.Message}");
        }

        var (vms, zones) = (new Dictionary<string, int>(), new Dictionary<string, int>());
        var entries = new List<TraceEntry>();
        DateTimeOffset? first = null;
        foreach (var (index, line) in lines.Index().Where(line => line.Item.Length > 0))
        {
            if (line.Split(',', StringSplitOptions.TrimEntries) is not [var time, var what, { Length: > 0 } name]
                || !DateTimeOffset.TryParse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
                || what is not ("preempted" or "capacity_gone" or "capacity_back"))
            {
                if (index == 0)
                {
                    continue;
                }

                throw new CommandFailure(ExitStatus.Usage, $"{file}:{index + 1}: expected TIME,preempted,VM or TIME,capacity_gone,ZONE or TIME,capacity_back,ZONE, such as 2026-01-01T03:00:00Z,preempted,spot-1");
            }

            first ??= at;
            var isVm = what == "preempted";
            var names = isVm ? vms : zones;
            names.TryAdd(name, names.Count);
            entries.Add(new(at - first.Value, names[name], isVm ? TraceEvent.Preempted : what == "capacity_gone" ? TraceEvent.CapacityGone : TraceEvent.CapacityBack));
        }

        return entries.Count == 0 ? throw new CommandFailure(ExitStatus.Usage, $"{file} tells of nothing; write lines such as 2026-01-01T03:00:00Z,preempted,spot-1")
            : new(entries, Math.Max(1, vms.Count), Math.Max(1, zones.Count), entries.Max(entry => entry.At) + TimeSpan.FromHours(1));
    }
}
