using System.Text.Json;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Telemetry;

namespace Sentinel.Service.Admin;

/// <summary>Puts together from all rooms what <c>/status</c> and <c>/readyz</c> tell. Thread-safe.</summary>
internal sealed class StatusReader(
    ConfigurationInForce configuration, PoolTable pools, SentinelStanding standing, Func<IReadOnlyList<ListenerStatus>> listeners, IRecoveryDesk recovery,
    ICertificateDesk certificates, IPlacementDesk placement)
{
    /// <summary>Everything, now.</summary>
    public StatusDocument Status()
    {
        var users = placement.Counts();
        var (settings, snapshot, sentinel) = (configuration.Current.Configuration, pools.Current, standing.Current);
        return new StatusDocument
        {
            Name = settings.Name,
            Version = BuildInfo.Version,
            State = sentinel.State,
            Since = sentinel.Since,
            Leader = true,
            Backends = [.. settings.Backends.Select(backend => backend.Definition.Id).Where(snapshot.Backends.ContainsKey).Select(id => Describe(snapshot.Backends[id], users))],
            Pools = [.. settings.Pools.Select(pool => pool.Id).Where(snapshot.Pools.ContainsKey).Select(id => Describe(snapshot.Pools[id]))],
            Listeners = [.. listeners().Select(Describe)],
            Certificates = certificates.Certificates(),
            CertificateSync = certificates.Sync(),
            KeySync = placement.KeySync(),
            Configuration = configuration.Describe(),
        };
    }

    /// <summary>The daemon in one line.</summary>
    public string Summary()
    {
        var (snapshot, bound) = (pools.Current, listeners());
        var serving = snapshot.Backends.Values.Count(backend => backend.TakesNew);
        var held = bound.Sum(listener => listener.Held);
        return $"{standing.Current.State}: {serving} of {Spoken.Count(snapshot.Backends.Count, "backend")} can serve, {Spoken.Count(bound.Sum(listener => listener.Connections), "connection")}"
            + (held == 0 ? "" : $", {held} waiting");
    }

    /// <summary>One backend, now; null if there is none of that name.</summary>
    public BackendDocument? Backend(string name) =>
        pools.Current.Backends.TryGetValue(new BackendId(name), out var backend) ? Describe(backend, placement.Counts()) : null;

    /// <summary>What stands in the way of full service: listeners that are not bound, pools in use that cannot serve.</summary>
    public (IReadOnlyList<string> Listeners, IReadOnlyList<string> Pools) Unready()
    {
        var (bound, snapshot) = (listeners(), pools.Current);
        var settings = configuration.Current.Configuration.Listeners;
        return (
            [.. settings.Where(listener => !bound.Any(status => status.Settings.Name == listener.Name && status.Bound)).Select(listener => listener.Name)],
            [.. settings.SelectMany(listener => listener.Routes.Select(route => route.Pool).Append(listener.Pool)).Distinct()
                .Where(id => !(snapshot.Pools.TryGetValue(id, out var pool) && pool.CanServe)).Select(id => id.Name)]);
    }

    /// <param name="users">At home on each backend; null without a jump host.</param>
    private BackendDocument Describe(Backend backend, IReadOnlyDictionary<BackendId, int>? users)
    {
        var history = recovery.HistoryOf(backend.Id) ?? new();
        return new BackendDocument
        {
            Name = backend.Id.Name,
            Instance = backend.Definition.Instance,
            Address = backend.Address,
            State = backend.Status.State.ToName(),
            Since = backend.Status.Since,
            Reason = backend.Status.Reason,
            Healthy = backend.Status.Healthy,
            Connections = backend.Load.Connections,
            Preemptions = history.Preemptions,
            LastPreemption = history.LastPreemption,
            Outage = history.Outage,
            LastOutageSeconds = history.LastOutage is { } last ? Math.Round(last.TotalSeconds, 1) : null,
            NextAttempt = history.NextAttempt,
            Cost = history.Cost,
            Users = users?.GetValueOrDefault(backend.Id),
        };
    }

    private static PoolDocument Describe(Pool pool) => new(
        pool.Definition.Id.Name,
        [.. pool.Active.Select(backend => backend.Id.Name)],
        JsonNamingPolicy.CamelCase.ConvertName(pool.Definition.Policy.ToString()),
        [.. pool.Members.Select(backend => backend.Id.Name)]);

    private static ListenerDocument Describe(ListenerStatus listener) => new()
    {
        Name = listener.Settings.Name,
        Bind = [.. listener.Settings.Bind.Select(bind => bind.ToString())],
        Protocol = JsonNamingPolicy.CamelCase.ConvertName(listener.Settings.Protocol.ToString()),
        Engine = listener.Engine,
        Pool = listener.Settings.Pool.Name,
        Bound = listener.Bound,
        Connections = listener.Connections,
        Held = listener.Held,
        Accepted = listener.Accepted,
        Refused = listener.Refused,
    };
}
