using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Clouds.Gce.Wire;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>Compute Engine.</summary>
internal sealed class GceCloud(RecoveryMeter meter, TimeProvider time, LoopRegistry loops, ILogger logger) : ICloud
{
    public const string Name = "gce";

    /// <summary>An operation that is not over by then is given up on; the next attempt finds out what came of it.</summary>
    private static readonly TimeSpan OperationPatience = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, GceZone> _zones = [];
    private readonly List<GceClient> _retired = [];
    private (GceSettings Settings, GceClient Client)? _current;

    public string Provider => Name;

    /// <summary>Goes on under these settings; requests that are under way end under the old ones.</summary>
    public void Configure(GceSettings settings)
    {
        lock (_lock)
        {
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
        var zone = ZoneOf(vm);
        var watched = zone.Add(vm);
        return new Subscription(zone, watched, watched.Feed.Watch(observer));
    }

    public void Refresh(InstanceName vm) => ZoneOf(vm).Refresh(vm.Name);

    public async Task<CloudOutcome> StartAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken)
    {
        var client = Client;
        var found = await client.InstanceAsync(vm.Zone, vm.Name, cancellationToken).ConfigureAwait(false);
        return found switch
        {
            { Refusal: { } refusal } => new(refusal.Result, refusal.Detail),
            { Value.Status: "RUNNING" } => Seen(vm, new(CloudResult.Already, "it runs already")),
            { Value.Status: "TERMINATED" or "STOPPED" or "PROVISIONING" or "STAGING" } => await DoAsync(client, vm, "start", requestId, cancellationToken).ConfigureAwait(false),
            { Value.Status: "SUSPENDED" } => await DoAsync(client, vm, "resume", requestId, cancellationToken).ConfigureAwait(false),
            _ => new(CloudResult.NotReady, $"it is {found.Value!.Status}"),
        };
    }

    public Task<CloudOutcome> StopAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken)
    {
        ZoneOf(vm).AddOwn(requestId);
        return DoAsync(Client, vm, "stop", requestId, cancellationToken);
    }

    public Task<CloudOutcome> ResetAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) => DoAsync(Client, vm, "reset", requestId, cancellationToken);

    public async ValueTask DisposeAsync()
    {
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

    private GceZone ZoneOf(InstanceName vm)
    {
        lock (_lock)
        {
            if (!_zones.TryGetValue(vm.Zone, out var zone))
            {
                _zones[vm.Zone] = zone = new(vm.Zone, () => Client, Interval, time, loops, logger);
            }

            return zone;
        }
    }

    private CloudOutcome Seen(InstanceName vm, CloudOutcome outcome)
    {
        ZoneOf(vm).Refresh(vm.Name);
        return outcome;
    }

    private async Task<CloudOutcome> DoAsync(GceClient client, InstanceName vm, string verb, Guid requestId, CancellationToken cancellationToken)
    {
        var asked = await client.DoAsync(vm.Zone, vm.Name, verb, requestId, cancellationToken).ConfigureAwait(false);
        return asked.Refusal is { } refusal
            ? new(refusal.Result, refusal.Detail)
            : Seen(vm, await FollowAsync(client, vm, asked.Value!, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Accepted is not done, and done may still have failed.</summary>
    private async Task<CloudOutcome> FollowAsync(GceClient client, InstanceName vm, GceOperation operation, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        while (!operation.IsDone)
        {
            if (time.GetElapsedTime(begun) > OperationPatience)
            {
                return new(CloudResult.Fault, $"{operation.Name} is not over after {OperationPatience.TotalMinutes:0} minutes");
            }

            var waited = await client.WaitAsync(vm.Zone, operation.Name, cancellationToken).ConfigureAwait(false);
            if (waited.Refusal is { Result: CloudResult.NotFound or CloudResult.Forbidden } refusal)
            {
                return new(CloudResult.Fault, $"what became of {operation.Name} is not known: {refusal.Detail}");
            }

            if (waited.Value is { } now)
            {
                operation = now;
            }
            else
            {
                await Task.Delay(AskAgain, time, cancellationToken).ConfigureAwait(false);
            }
        }

        return GceRefusal.Of(operation) is { } failed ? new(failed.Result, failed.Detail) : new(CloudResult.Done, operation.Name);
    }

    private sealed class Subscription(GceZone zone, GceVm vm, IDisposable feed) : IDisposable
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
