using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary>What <c>sentinel status</c> and <c>sentinel outages</c> show to people.</summary>
internal static class StatusText
{
    /// <summary>The daemon at a glance.</summary>
    /// <param name="status">What it answered.</param>
    /// <param name="now">To tell how long ago things were.</param>
    /// <param name="width">Columns of the terminal.</param>
    public static IEnumerable<string> Status(StatusDocument status, DateTimeOffset now, int width) =>
    [
        $"{status.Name}: {status.State} for {Spoken.Ago(status.Since, now)}, sentinel {status.Version}",
        .. status.Configuration.Errors.Count == 0 ? [] : (IEnumerable<string>)
        [
            $"{Spoken.Count(status.Configuration.Errors.Count, "error")} in {status.Configuration.File}: the configuration loaded {Spoken.Ago(status.Configuration.LoadedAt, now)} ago goes on. See: sentinel check",
        ],
        "",
        .. Backends(status.Backends, now, width),
        "",
        .. Pools(status.Pools, width),
        "",
        .. Listeners(status.Listeners, width),
        .. Users(status, now),
        .. Costs(status.Backends),
    ];

    /// <summary>All together, where prices are configured.</summary>
    private static IEnumerable<string> Costs(IReadOnlyList<BackendDocument> backends)
    {
        var known = backends.Select(backend => backend.Cost).OfType<CostDocument>().ToArray();
        return known.Length == 0 ? [] : ["", $"since the daemon began: {new CostDocument(known.Sum(each => each.Cost), known.Sum(each => each.OnDemand), known.Sum(each => each.Saved))}"];
    }

    /// <summary>Outages, the latest first.</summary>
    public static IEnumerable<string> Outages(IReadOnlyList<OutageDocument> outages, int width)
    {
        if (outages.Count == 0)
        {
            return ["No outage on record."];
        }

        var table = new TextTable().With("OUTAGE", givesWay: true).With("BACKEND", givesWay: true).With("CAUSE").With("LASTED", isNumber: true).With("ATTEMPTS", isNumber: true).With("");
        foreach (var outage in outages)
        {
            table.Add(
                outage.Id, outage.Backend, outage.Cause, Spoken.Duration(TimeSpan.FromSeconds(outage.Seconds)),
                outage.Attempts.ToString(), outage.EndedAt is null ? "going on" : "");
        }

        return table.Lines(width);
    }

    /// <summary>One outage's story.</summary>
    public static IEnumerable<string> Outage(OutageDocument outage)
    {
        var lasted = Spoken.Duration(TimeSpan.FromSeconds(outage.Seconds));
        yield return $"{outage.Id}: {outage.Backend}, {outage.Cause}, " + (outage.EndedAt is null ? $"going on for {lasted}" : $"lasted {lasted}");
        if (Sum(outage) is { Length: > 0 } sum)
        {
            yield return sum;
        }

        if (outage.Waits is { } waits)
        {
            yield return $"{waits.Held} had to wait: {waits.Served} served, {waits.Expired} gave up after their hold, {waits.Left} left by themselves"
                + (waits.Refused > 0 ? $"; {waits.Refused} more were refused" : "");
        }

        if (outage.Cost is { } cost)
        {
            yield return cost.ToString();
        }

        yield return "";
        foreach (var moment in outage.Timeline)
        {
            var after = (moment.At - outage.StartedAt).TotalSeconds;
            yield return $"{moment.At.UtcDateTime:yyyy-MM-dd HH:mm:ss'Z'}  {after,8:+0.0;-0.0;+0.0} s  {moment.Source,-8}  {moment.Detail}";
        }
    }

    /// <summary>Where the time went, as far as it is known.</summary>
    private static string Sum(OutageDocument outage)
    {
        var parts = outage.Durations;
        string[] known =
        [
            .. Part("detected", parts.DetectedSeconds), .. Part("stopped", parts.StoppedSeconds), .. Part("started", parts.StartedSeconds),
            .. Part("healthy", parts.HealthySeconds), .. Part("total", parts.TotalSeconds), .. Part("ours", parts.OursSeconds),
        ];
        return known.Length == 0 ? "" : $"{string.Join(", ", known)}; {Spoken.Count(outage.Attempts, "attempt")}, {Spoken.Count(outage.Calls, "request")} to its cloud";

        static string[] Part(string name, double? seconds) => seconds is { } known ? [$"{name} {known:0.0} s"] : [];
    }

    private static IEnumerable<string> Backends(IReadOnlyList<BackendDocument> backends, DateTimeOffset now, int width)
    {
        var table = new TextTable()
            .With("BACKEND", givesWay: true).With("STATE").With("FOR", isNumber: true).With("CONN", isNumber: true)
            .With("PREEMPTED", isNumber: true).With("LAST OUTAGE", isNumber: true).With("ADDRESS", givesWay: true);
        foreach (var backend in backends)
        {
            table.Add(
                backend.Name, backend.State, Spoken.Ago(backend.Since, now), backend.Connections.ToString(), backend.Preemptions.ToString(),
                backend.LastOutageSeconds is { } seconds ? Spoken.Duration(TimeSpan.FromSeconds(seconds)) : "-", backend.Address ?? "-");
        }

        var lines = table.Lines(width).ToList();
        yield return lines[0];
        for (var i = 0; i < backends.Count; i++)
        {
            yield return lines[i + 1];
            if (backends[i].State != "serving")
            {
                yield return Shortened($"  {Why(backends[i], now)}", width);
            }
        }
    }

    private static string Why(BackendDocument backend, DateTimeOffset now) =>
        backend.NextAttempt is { } next && next > now ? $"{backend.Reason}; next attempt in {Spoken.Duration(TimeSpan.FromSeconds(Math.Ceiling((next - now).TotalSeconds)))}" : backend.Reason;

    private static IEnumerable<string> Pools(IReadOnlyList<PoolDocument> pools, int width)
    {
        var table = new TextTable().With("POOL", givesWay: true).With("POLICY").With("ACTIVE", givesWay: true);
        foreach (var pool in pools)
        {
            table.Add(pool.Name, pool.Policy, pool.Active.Count == 0 ? "nobody" : string.Join(", ", pool.Active));
        }

        return table.Lines(width);
    }

    private static IEnumerable<string> Listeners(IReadOnlyList<ListenerDocument> listeners, int width)
    {
        var table = new TextTable()
            .With("LISTENER", givesWay: true).With("BIND", givesWay: true).With("PROTOCOL").With("POOL", givesWay: true)
            .With("CONN", isNumber: true).With("HELD", isNumber: true).With("ACCEPTED", isNumber: true).With("REFUSED", isNumber: true);
        foreach (var listener in listeners)
        {
            table.Add(
                listener.Name, string.Join(", ", listener.Bind), listener.Protocol, listener.Pool, listener.Connections.ToString(),
                listener.Held.ToString(), listener.Accepted.ToString(), listener.Refused.ToString());
        }

        return table.Lines(width);
    }

    /// <summary>Of the jump host; nothing where there is none.</summary>
    private static IEnumerable<string> Users(StatusDocument status, DateTimeOffset now)
    {
        var homes = status.Backends.Where(backend => backend.Users > 0).ToArray();
        if (status.Backends.All(backend => backend.Users is null))
        {
            yield break;
        }

        yield return "";
        yield return homes.Length == 0 ? "No user is at home on a backend. See: sentinel users"
            : $"{Spoken.Count(homes.Sum(backend => backend.Users ?? 0), "user")}: {string.Join(", ", homes.Select(backend => $"{backend.Users} on {backend.Name}"))}. See: sentinel users";
        foreach (var place in status.KeySync)
        {
            yield return place.LastError is { } error ? $"Users of {place.Backend} cannot be fetched, or not all: {error}"
                : place.LastSuccess is { } last ? $"Users of {place.Backend} were fetched {Spoken.Ago(last, now)} ago."
                : $"Users of {place.Backend} were not fetched yet.";
        }
    }

    private static string Shortened(string text, int width) => text.Length <= width ? text : string.Concat(text.AsSpan(0, Math.Max(1, width - 1)), "…");
}
