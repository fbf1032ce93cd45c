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
        <section aria-labelledby="backends"><h2 id="backends">Backends</h2><div class="cards">{Join(status.Backends.Select(backend => Card(backend, outages.FirstOrDefault(outage => outage.Id == backend.Outage), status.Pools, now)))}</div></section>
        <section aria-labelledby="pools"><h2 id="pools">Pools</h2>{Pools(status.Pools)}</section>
        <section aria-labelledby="listeners"><h2 id="listeners">Listeners</h2>{Listeners(status.Listeners)}</section>
        {Join(status.Certificates.Count == 0 ? [] : [Html($"""<section aria-labelledby="certificates"><h2 id="certificates">Certificates</h2>{Certificates(status.Certificates)}</section>""")])}
        {Users(status, now)}
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
            "proxy" => $"Everything is served{Away(status.Backends.Count(backend => backend.Outage is not null))}{tail}",
            "degraded" => $"Nobody serves {string.Join(", ", helpless)}{tail}",
            _ => $"Nobody serves{tail}",
        };
    }

    private static string Away(int backends) => backends switch
    {
        0 => "",
        1 => ", one backend is away",
        _ => $", {backends} backends are away",
    };

    private static Markup Card(BackendDocument backend, OutageDocument? outage, IReadOnlyList<PoolDocument> pools, DateTimeOffset now)
    {
        var active = pools.Where(pool => pool.Active.Contains(backend.Name)).Select(pool => pool.Name).ToArray();
        return Html($"""
            <article class="card {Mood(backend)}"><header><h3>{backend.Name}</h3><span class="chip">{backend.State}</span></header>
            <p class="reason">{backend.Reason}, {Ago(backend.Since, now)} ago{Join(backend.NextAttempt is { } next && next > now ? [Html($"""; next attempt in {Until(next, now)}""")] : [])}</p>
            <dl>{Fact("Connections", Html($"{backend.Connections}"))}{Fact("Preemptions", Html($"{backend.Preemptions}"))}{Fact(outage is null ? "Last outage" : "Outage", LastOutage(backend, outage, now))}{Fact("Active for", Html($"{(active.Length == 0 ? "no pool" : string.Join(", ", active))}"))}{Fact("Address", Html($"{backend.Address ?? "not known"}"))}</dl></article>
            """);
    }

    private static Markup LastOutage(BackendDocument backend, OutageDocument? outage, DateTimeOffset now) =>
        outage is not null ? Html($"""going on for {Ago(outage.StartedAt, now)}""")
        : backend.LastOutageSeconds is { } seconds ? Html($"{Spoken.Duration(TimeSpan.FromSeconds(seconds))}")
        : Html($"none");

    private static Markup Fact(string name, Markup value) => Html($"<div><dt>{name}</dt><dd>{value}</dd></div>");

    private static Markup Pools(IReadOnlyList<PoolDocument> pools) => Table(
        ["Pool", "Active", "Members", "Policy"],
        pools.Select(pool => Row(
            Html($"{pool.Name}"),
            Cell("Active", pool.Active.Count == 0 ? Html($"""<span class="warn">nobody</span>""") : Html($"{string.Join(", ", pool.Active)}")),
            Cell("Members", Html($"{string.Join(", ", pool.Backends)}")),
            Cell("Policy", Html($"{pool.Policy}")))));

    private static Markup Listeners(IReadOnlyList<ListenerDocument> listeners) => Table(
        ["Listener", "Accepts on", "Goes to", "#Open", "#Waiting", "#Accepted", "#Refused"],
        listeners.Select(listener => Row(
            Html($"{listener.Name} <small>{listener.Protocol}, {listener.Engine}</small>"),
            Cell("Accepts on", Html($"{string.Join(", ", listener.Bind)}{Join(listener.Bound ? [] : [Html($""" <span class="warn">not bound</span>""")])}")),
            Cell("Goes to", Html($"{listener.Pool}")),
            Cell("Open", listener.Connections),
            Cell("Waiting", listener.Held),
            Cell("Accepted", listener.Accepted),
            Cell("Refused", listener.Refused))));

    private static Markup Certificates(IReadOnlyList<CertificateDocument> certificates) => Table(
        ["Certificate", "Source", "Until", "Next try", "Trouble"],
        certificates.Select(certificate => Row(
            Html($"{string.Join(", ", certificate.Names)}"),
            Cell("Source", Html($"{certificate.Source}")),
            Cell("Until", certificate.NotAfter is { } end ? Moment(end) : Html($"""<span class="warn">none yet</span>""")),
            Cell("Next try", certificate.RenewAt is { } next ? Moment(next) : Html($"")),
            Cell("Trouble", certificate.LastError is { } error ? Html($"""<span class="warn">{error}</span>""") : Html($"")))));

    /// <summary>Of the jump host; nothing where there is none.</summary>
    private static Markup Users(StatusDocument status, DateTimeOffset now) => status.Backends.All(backend => backend.Users is null) ? Empty : Html($"""
        <section aria-labelledby="users"><h2 id="users">Users</h2>{Table(
            ["Backend", "#At home", "Fetched", "Trouble"],
            status.Backends.Select(backend => Row(
                Html($"{backend.Name}"),
                Cell("At home", backend.Users ?? 0),
                Cell("Fetched", status.KeySync.FirstOrDefault(place => place.Backend == backend.Name) is not { } sync ? Html($"from the file")
                    : sync.LastSuccess is { } last ? Html($"{Ago(last, now)} ago") : Html($"not yet")),
                Cell("Trouble", status.KeySync.FirstOrDefault(place => place.Backend == backend.Name)?.LastError is { } error ? Html($"""<span class="warn">{error}</span>""") : Html($"")))))}</section>
        """);

    /// <param name="headings">Numbers' after a <c>#</c>.</param>
    private static Markup Table(string[] headings, IEnumerable<Markup> rows) => Html($"""
        <table><thead><tr>{Join(headings.Select(heading => heading[0] == '#' ? Html($"""<th scope="col" class="number">{heading[1..]}</th>""") : Html($"""<th scope="col">{heading}</th>""")))}</tr></thead>
        <tbody>{Join(rows)}</tbody></table>
        """);

    private static Markup Row(Markup name, params Markup[] cells) => Html($"""<tr><th scope="row">{name}</th>{Join(cells)}</tr>""");

    // The label stands beside the value where the screen is too narrow for columns.
    private static Markup Cell(string label, Markup value) => Html($"""<td data-label="{label}"><span>{value}</span></td>""");

    private static Markup Cell(string label, long number) => Html($"""<td data-label="{label}" class="number"><span>{number}</span></td>""");

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

    private static string Mood(BackendDocument backend) => backend.State switch
    {
        "serving" => "good",
        "suspect" when !backend.Healthy => "bad",
        "suspect" or "noticed" or "draining" or "drained" or "unknown" => "wary",
        "held" or "waiting" or "stopping" => "bad",
        _ => "busy",
    };
}
