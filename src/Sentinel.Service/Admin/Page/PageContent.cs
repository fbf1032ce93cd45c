using System.Globalization;
using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Telemetry;
using static Sentinel.Service.Admin.Page.Markup;

namespace Sentinel.Service.Admin.Page;

/// <summary>What the status page shows, as markup. The same text comes with the page and, whenever something changed, as an event.</summary>
internal static class PageContent
{
    /// <summary>Outages shown; the rest is at <c>/outages</c>.</summary>
    public const int OutagesShown = 12;

    /// <param name="status">Everything, now.</param>
    /// <param name="outages">The latest first.</param>
    /// <param name="now">To tell how long ago things were; the page's script goes on from there.</param>
    public static Markup Body(StatusDocument status, IReadOnlyList<OutageDocument> outages, DateTimeOffset now) => Html($"""
        <div id="now" data-now="{Rfc3339.Text(now)}" data-title="{Title(status)}"></div>
        {Headline(status, now)}
        <section aria-labelledby="backends"><h2 id="backends">Backends</h2><div class="cards">{Join(status.Backends.Select(backend => Card(backend, status.Pools, now)))}</div></section>
        <section aria-labelledby="listeners"><h2 id="listeners">Listeners</h2>{Listeners(status.Listeners, status.Pools)}</section>
        <section aria-labelledby="outages"><h2 id="outages">Outages</h2>{Outages(outages, now)}</section>
        """);

    /// <summary>For the browser's tab.</summary>
    public static string Title(StatusDocument status) => $"{status.Name}: {Sentence(status)}";

    private static Markup Headline(StatusDocument status, DateTimeOffset now) => Html($"""
        <section class="headline {status.State}"><p class="verdict"><span class="dot" aria-hidden="true"></span>{Sentence(status)}</p>
        <p class="aside"><b>{status.State}</b> for {Ago(status.Since, now)}{Join(status.Configuration.Errors.Count == 0 ? [] : [Html($""" · <span class="warn">the configuration file has {Spoken.Count(status.Configuration.Errors.Count, "error")}; the one from {Ago(status.Configuration.LoadedAt, now)} ago goes on</span>""")])}</p></section>
        """);

    private static string Sentence(StatusDocument status)
    {
        var waiting = status.Listeners.Sum(listener => listener.Held);
        var helpless = status.Pools.Where(pool => pool.Active.Count == 0).Select(pool => pool.Name).ToArray();
        var tail = waiting == 0 ? "" : $", {Spoken.Count(waiting, "client")} waiting";
        return status.State switch
        {
            "proxy" => status.Backends.Any(backend => backend.Outage is not null) ? $"Everything is served, one backend is being brought back{tail}" : $"Everything is served{tail}",
            "degraded" => $"Nobody serves {string.Join(", ", helpless)}{tail}",
            _ => $"Nobody serves{tail}",
        };
    }

    private static Markup Card(BackendDocument backend, IReadOnlyList<PoolDocument> pools, DateTimeOffset now)
    {
        var active = pools.Where(pool => pool.Active.Contains(backend.Name)).Select(pool => pool.Name).ToArray();
        return Html($"""
            <article class="card {Mood(backend.State)}"><header><h3>{backend.Name}</h3><span class="chip">{backend.State}</span></header>
            <p class="reason">{backend.Reason}, {Ago(backend.Since, now)} ago{Join(backend.NextAttempt is { } next && next > now ? [Html($"""; next attempt in {Until(next, now)}""")] : [])}</p>
            <dl>{Fact("Connections", Html($"{backend.Connections}"))}{Fact("Preemptions", Html($"{backend.Preemptions}"))}{Fact("Last outage", LastOutage(backend, now))}{Fact("Active for", Html($"{(active.Length == 0 ? "no pool" : string.Join(", ", active))}"))}{Fact("Address", Html($"{backend.Address ?? "not known"}"))}</dl></article>
            """);
    }

    private static Markup LastOutage(BackendDocument backend, DateTimeOffset now) =>
        backend.Outage is { } outage ? Html($"""going on for {Ago(outage.StartedAt, now)}""")
        : backend.LastOutageSeconds is { } seconds ? Html($"{Spoken.Duration(TimeSpan.FromSeconds(seconds))}")
        : Html($"none");

    private static Markup Fact(string name, Markup value) => Html($"<div><dt>{name}</dt><dd>{value}</dd></div>");

    private static Markup Listeners(IReadOnlyList<ListenerDocument> listeners, IReadOnlyList<PoolDocument> pools) => Html($"""
        <table><thead><tr><th scope="col">Listener</th><th scope="col">Accepts on</th><th scope="col">Goes to</th><th scope="col" class="number">Open</th><th scope="col" class="number">Waiting</th><th scope="col" class="number">Accepted</th><th scope="col" class="number">Refused</th></tr></thead>
        <tbody>{Join(listeners.Select(listener => Row(listener, pools.FirstOrDefault(pool => pool.Name == listener.Pool))))}</tbody></table>
        """);

    private static Markup Row(ListenerDocument listener, PoolDocument? pool) => Html($"""
        <tr><th scope="row">{listener.Name} <small>{listener.Protocol}, {listener.Engine}</small></th><td data-label="Accepts on">{string.Join(", ", listener.Bind)}{Join(listener.Bound ? [] : [Html($""" <span class="warn">not bound</span>""")])}</td><td data-label="Goes to">{listener.Pool} <small>{(pool is null ? "" : pool.Active.Count == 0 ? "nobody" : string.Join(", ", pool.Active))}{(pool is null ? "" : $", {pool.Policy}")}</small></td><td data-label="Open" class="number">{listener.Connections}</td><td data-label="Waiting" class="number">{listener.Held}</td><td data-label="Accepted" class="number">{listener.Accepted}</td><td data-label="Refused" class="number">{listener.Refused}</td></tr>
        """);

    private static Markup Outages(IReadOnlyList<OutageDocument> outages, DateTimeOffset now) => outages.Count == 0
        ? Html($"""<p class="quiet">None on record.</p>""")
        : Html($"""<div class="outages">{Join(outages.Take(OutagesShown).Select(outage => Story(outage, now)))}</div>""");

    private static Markup Story(OutageDocument outage, DateTimeOffset now) => Html($"""
        <details id="o-{outage.Id}"><summary><span class="who">{outage.Backend}</span> <span class="cause">{outage.Cause.Replace('_', ' ')}</span> <span class="lasted">{Lasted(outage, now)}</span> <span class="when">{Moment(outage.StartedAt)}</span></summary>
        <ol>{Join(outage.Timeline.Select(moment => Html($"""<li><span class="after">{After(moment.At - outage.StartedAt)}</span><span class="what">{moment.Detail}</span><span class="source">{moment.Source}</span></li>""")))}</ol></details>
        """);

    private static Markup Lasted(OutageDocument outage, DateTimeOffset now) => outage.EndedAt is null
        ? Html($"""<b>going on for {Ago(outage.StartedAt, now)}</b>""")
        : Html($"{Spoken.Duration(TimeSpan.FromSeconds(outage.Seconds))}");

    private static string After(TimeSpan span) => span.TotalSeconds.ToString("+0.0 s;-0.0 s;+0.0 s", CultureInfo.InvariantCulture);

    private static Markup Moment(DateTimeOffset at) => Html($"""<time datetime="{Rfc3339.Text(at)}" data-moment>{at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture)}</time>""");

    private static Markup Ago(DateTimeOffset at, DateTimeOffset now) => Html($"""<time datetime="{Rfc3339.Text(at)}" data-ago>{Spoken.Ago(at, now)}</time>""");

    private static Markup Until(DateTimeOffset at, DateTimeOffset now) => Html($"""<time datetime="{Rfc3339.Text(at)}" data-until>{Spoken.Ago(now, at)}</time>""");

    private static string Mood(string state) => state switch
    {
        "serving" => "good",
        "suspect" or "noticed" or "draining" or "drained" or "unknown" => "wary",
        "held" or "waiting" or "stopping" => "bad",
        _ => "busy",
    };
}
