using Sentinel.Recovery.Clouds.Gce.Wire;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>Where VMs are that may be in several zones. The cloud is asked; nothing depends on what was written down.</summary>
internal sealed partial class GceCloud
{
    private string PlaceOf(InstanceName vm)
    {
        lock (_lock)
        {
            return _places.GetValueOrDefault(vm) ?? vm.Zone;
        }
    }

    /// <summary>Every zone that it may be in: at home, where the configuration lets it go, where it last was.</summary>
    private HashSet<string> ZonesOf(InstanceName vm)
    {
        var zones = WishesOf(vm).OtherZones.Append(vm.Zone).Append(PlaceOf(vm)).ToHashSet();
        if (LastZoneOf(vm) is { } last)
        {
            zones.Add(last);
        }

        return zones;
    }

    /// <summary>Where it was when it was described last; null: it never was.</summary>
    private string? LastZoneOf(InstanceName vm) => GceDescription.Last((string?)_memory.Find(vm)?["zone"] ?? "") is { Length: > 0 } last ? last : null;

    /// <summary>Null if no census could be had.</summary>
    private async Task<GceCensus?> CensusAsync()
    {
        Task<GceAnswer<GceCensus>> census;
        lock (_lock)
        {
            if (_census is null || _census.IsCompleted)
            {
                // who asks at the same moment asks the same thing: all loops begin together
                _census = GatherAsync();
            }

            census = _census;
        }

        return (await census.ConfigureAwait(false)).Value;
    }

    private async Task<GceAnswer<GceCensus>> GatherAsync()
    {
        await Task.Delay(CensusWait, time, _stopping.Token).ConfigureAwait(false);
        return await Client.CensusAsync(_stopping.Token).ConfigureAwait(false);
    }

    private void Place(InstanceName vm, string zone)
    {
        GceResidence[] residences;
        lock (_lock)
        {
            _places[vm] = zone;
            residences = [.. _residences.GetValueOrDefault(vm) ?? []];
        }

        Array.ForEach(residences, residence => residence.MoveTo(zone));
    }

    private GceSubscription WatchAt(string zone, InstanceName vm, Action<InstanceReport> observer)
    {
        var of = ZoneOf(zone);
        var watched = of.Add(vm with { Zone = zone }, vm);
        return new GceSubscription(of, watched, watched.Feed.Watch(observer));
    }

    /// <summary>Finds out where a VM is before anything is told of it: what is off in one zone may run in another.</summary>
    private async Task SettleAsync(InstanceName vm)
    {
        await Task.Yield();
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                // One census for all that come up together; a closer look at those only that it leaves in doubt.
                if ((await CensusAsync().ConfigureAwait(false))?.PlaceOf(vm.Name, ZonesOf(vm), LastZoneOf(vm)) is { } place)
                {
                    Place(vm, place);
                    return;
                }

                var search = Attempt(vm, Guid.Empty, _stopping.Token);
                if (await search.FindAsync().ConfigureAwait(false) is not { } refusal)
                {
                    Place(vm, search.Zone);
                    return;
                }

                Log.NotFoundYet(logger, vm, refusal.Detail);
                await Task.Delay(Interval(), time, _stopping.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task<CloudOutcome> BringUpAsync(InstanceName vm, GceForm form, Recreation? from, Guid requestId, CancellationToken cancellationToken)
    {
        var attempt = Attempt(vm, requestId, cancellationToken);
        var outcome = await attempt.RunAsync(form, from).ConfigureAwait(false);
        if (attempt.IsSought && attempt.Zone != PlaceOf(vm))
        {
            Place(vm, attempt.Zone);
        }

        Refresh(vm);
        return outcome;
    }

    private GceBringUp Attempt(InstanceName vm, Guid requestId, CancellationToken cancellationToken)
    {
        var client = Client;
        return new(client, vm, WishesOf(vm), _memory.Find(vm), description => _memory.KeepAsync(KeyValuePair.Create(vm, description)), requestId, client.FollowAsync, cancellationToken);
    }

    private sealed class GceSubscription(GceZone zone, GceVm vm, IDisposable feed) : IDisposable
    {
        private int _isDisposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
            {
                feed.Dispose();
                zone.Remove(vm);
            }
        }
    }
}
