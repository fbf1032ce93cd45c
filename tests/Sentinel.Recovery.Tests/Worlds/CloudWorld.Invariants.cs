using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Tests.Worlds;

/// <summary>What must hold whatever goes wrong.</summary>
internal sealed partial class CloudWorld
{
    private readonly HashSet<string> _disks;
    private readonly Dictionary<(string Sentinel, int Life), Queue<DateTimeOffset>> _calls = [];
    private readonly HashSet<string> _letGo = [];
    private (ulong Id, int Starts) _lastRun;
    private long _lastWritten;

    /// <summary>After a decision of a sentinel.</summary>
    public void Check(WorldSentinel sentinel, OutageState? before, Decision decision)
    {
        var state = decision.State;
        Must(!state.Healthy || !state.IsDown, "what is down is not healthy");
        Must(state.Phase is not OutagePhase.Serving || (state.Healthy && state.Outage is null), "what serves is healthy and has no outage");
        if (state.Outage is { } outage && before?.Outage?.Id == outage.Id)
        {
            Must(outage.Attempts >= before.Outage.Attempts, "attempts never go back");
        }

        foreach (var effect in decision.Effects.Where(effect => effect is StartInstance or RecreateInstance or FallBack or ResetInstance))
        {
            var isPersons = state.Outage is { Cause: OutageCause.User or OutageCause.Deleted, Released: false } || (KnowsOf(sentinel, state) && !_letGo.Contains(sentinel.Name));
            Must(!isPersons || Shape.Policy.RestartWhenUserStopped, "what a person stopped is not started");
        }

        if (state.Phase is OutagePhase.Verifying or OutagePhase.Serving)
        {
            _letGo.Remove(sentinel.Name);
            _stops.Remove(sentinel.Name);
        }
    }

    /// <summary>After everything that a sentinel asked and everything that happened by itself.</summary>
    private void CheckCloud()
    {
        var running = Project.FindAll(CloudWorldShape.Vm.Name).Where(vm => vm.Status == "RUNNING").ToArray();
        Must(running.Length <= 1, "a VM never runs twice");
        Must(_disks.IsSubsetOf(Project.AllDisks), "no disk is deleted");
        _disks.UnionWith(Project.AllDisks.Where(disk => disk.Contains("/sentinel-", StringComparison.Ordinal) && Holders(disk) > 0 && running.Length == 1));
        Must(!Project.AllDisks.Any(disk => Holders(disk) > 1), "no disk is attached twice");
        if (running is [var one] && (one.Id, one.Starts) != _lastRun)
        {
            Must(_lastWritten == 0 || one.StartedWith == _lastWritten, "it goes on with what it wrote last");
            (_lastRun, _lastWritten) = ((one.Id, one.Starts), one.Content);
        }
    }

    private void CheckCall(CloudWire.Call call)
    {
        Must(call.Method != HttpMethod.Delete && !call.Uri.Query.Contains("forceAttach", StringComparison.OrdinalIgnoreCase), "nothing is deleted, and no disk taken by force");
        var asker = (call.Sentinel, _sentinels.Find(known => known.Name == call.Sentinel)?.Life ?? 0);
        if (!_calls.TryGetValue(asker, out var calls))
        {
            _calls[asker] = calls = [];
        }

        calls.Enqueue(Now);
        while (Now - calls.Peek() > TimeSpan.FromMinutes(1))
        {
            calls.Dequeue();
        }

        Must(calls.Count <= Shape.RequestsPerMinute, "calls stay under the ceiling");
        Must(calls.Count(at => Now - at < TimeSpan.FromSeconds(5)) <= 60, "calls never storm");
    }

    private int Holders(string disk) => Project.FindDisk(disk[..disk.IndexOf('/')], disk[(disk.IndexOf('/') + 1)..])!["users"]!.AsArray().Count;

    private readonly Dictionary<string, Incarnation> _stops = [];

    /// <summary>Whether it was told that a person stopped the run that ended last, whatever it made of that.</summary>
    private bool KnowsOf(WorldSentinel sentinel, OutageState state) => _stops.TryGetValue(sentinel.Name, out var run) && state.Ended == run;

    /// <summary>A sentinel is told something.</summary>
    public void Heard(WorldSentinel sentinel, OutageEvent e)
    {
        if (e is InstanceStopped { Cause: OutageCause.User or OutageCause.Deleted } stopped)
        {
            if (!_stops.TryGetValue(sentinel.Name, out var known) || known != stopped.Incarnation)
            {
                _letGo.Remove(sentinel.Name);
            }

            _stops[sentinel.Name] = stopped.Incarnation;
        }
    }
}
