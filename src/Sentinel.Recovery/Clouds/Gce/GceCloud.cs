using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Clouds.Gce.Wire;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>Compute Engine. A VM is known by its name at home, though it may have fallen back to another zone.</summary>
/// <param name="directory">Where descriptions of VMs are kept.</param>
internal sealed partial class GceCloud(string directory, RecoveryMeter meter, TimeProvider time, LoopRegistry loops, ILogger logger) : ICloud
{
    public const string Name = "gce";

    /// <summary>A census begins when all who need one can be expected to have asked.</summary>
    private static readonly TimeSpan CensusWait = TimeSpan.FromMilliseconds(50);

    private readonly Lock _lock = new();
    private readonly GceMemory _memory = new(directory, logger);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<InstanceName, string> _places = [];
    private readonly Dictionary<InstanceName, List<GceResidence>> _residences = [];
    private IReadOnlyDictionary<InstanceName, GceWishes> _wishes = new Dictionary<InstanceName, GceWishes>();
    private readonly Dictionary<string, GceZone> _zones = [];
    private readonly List<GceClient> _retired = [];
    private (GceSettings Settings, GceClient Client)? _current;
    private Task<GceAnswer<GceCensus>>? _census;

    public string Provider => Name;

    /// <summary>Told when a zone cannot be watched for want of a permission.</summary>
    public Action<string>? Trouble { get; init; }

    /// <summary>Goes on under these settings; requests that are under way end under the old ones.</summary>
    /// <param name="wishes">What is to be known of single VMs; null: as before.</param>
    public void Configure(GceSettings settings, IReadOnlyDictionary<InstanceName, GceWishes>? wishes = null)
    {
        lock (_lock)
        {
            _wishes = wishes ?? _wishes;
            if (_current?.Settings == settings)
            {
                return;
            }

            if (_current is { } old)
            {
                _retired.Add(old.Client);
            }

            _current = (settings, new GceClient(settings, meter, time));
        }
    }

    public IDisposable Watch(InstanceName vm, Action<InstanceReport> observer)
    {
        var residence = new GceResidence(zone => WatchAt(zone, vm, observer), ended =>
        {
            lock (_lock)
            {
                _residences.GetValueOrDefault(vm)?.Remove(ended);
            }
        });
        string? place;
        lock (_lock)
        {
            if (!_residences.TryGetValue(vm, out var residences))
            {
                _residences[vm] = residences = [];
            }

            residences.Add(residence);
            place = ZonesOf(vm).Count > 1 ? _places.GetValueOrDefault(vm) : vm.Zone;
        }

        if (place is not null)
        {
            residence.MoveTo(place);
        }
        else
        {
            _ = SettleAsync(vm);
        }

        return residence;
    }

    public void Refresh(InstanceName vm, bool closely = false) => ZoneOf(PlaceOf(vm)).Refresh(vm.Name, closely);

    public Task<CloudOutcome> StartAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) =>
        BringUpAsync(vm, default, null, requestId, cancellationToken);

    public Task<CloudOutcome> RecreateAsync(InstanceName vm, Recreation from, Guid requestId, CancellationToken cancellationToken) =>
        BringUpAsync(vm, default, from, requestId, cancellationToken);

    public Task<CloudOutcome> FallBackAsync(InstanceName vm, Fallback to, Recreation? from, Guid requestId, CancellationToken cancellationToken) =>
        BringUpAsync(vm, GceForm.Of(to), from, requestId, cancellationToken);

    public Task<CloudOutcome> StopAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken)
    {
        Own(vm, requestId);
        return DoAsync(Client, vm, "stop", requestId, cancellationToken);
    }

    public Task<CloudOutcome> ResetAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) => DoAsync(Client, vm, "reset", requestId, cancellationToken);

    public void Own(InstanceName vm, Guid requestId)
    {
        // in every zone: after a restart nobody has looked yet where it is
        foreach (var zone in ZonesOf(vm))
        {
            ZoneOf(zone).AddOwn(requestId);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        GceZone[] zones;
        GceClient[] clients;
        lock (_lock)
        {
            (zones, clients) = ([.. _zones.Values], [.. _retired, .. _current is { } current ? [current.Client] : (GceClient[])[]]);
            _zones.Clear();
        }

        await Task.WhenAll(zones.Select(zone => zone.DisposeAsync().AsTask())).ConfigureAwait(false);
        Array.ForEach(clients, client => client.Dispose());
    }

    private GceClient Client
    {
        get
        {
            lock (_lock)
            {
                return _current?.Client ?? throw new InvalidOperationException("Nothing was configured yet.");
            }
        }
    }

    private TimeSpan Interval()
    {
        lock (_lock)
        {
            return _current?.Settings.WatchInterval ?? TimeSpan.FromSeconds(5);
        }
    }

    private GceZone ZoneOf(string name)
    {
        lock (_lock)
        {
            if (!_zones.TryGetValue(name, out var zone))
            {
                _zones[name] = zone = new(name, () => Client, Interval, WishesOf, _memory, detail => Trouble?.Invoke(detail), time, loops, logger);
            }

            return zone;
        }
    }

    private GceWishes WishesOf(InstanceName vm)
    {
        lock (_lock)
        {
            return _wishes.GetValueOrDefault(vm) ?? GceWishes.None;
        }
    }

    private async Task<CloudOutcome> DoAsync(GceClient client, InstanceName vm, string verb, Guid requestId, CancellationToken cancellationToken)
    {
        var zone = PlaceOf(vm);
        var asked = await client.DoAsync(zone, vm.Name, verb, requestId, cancellationToken).ConfigureAwait(false);
        if (asked.Refusal is { } refusal)
        {
            return new(refusal.Result, refusal.Detail);
        }

        var outcome = await client.FollowAsync(zone, asked.Value!, cancellationToken).ConfigureAwait(false);
        Refresh(vm);
        return outcome;
    }
}
