using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Outages;
using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Telemetry.Metrics;

namespace Sentinel.Service.Admin;

/// <summary>The endpoints for programs: see interfaces, HTTP.</summary>
internal sealed class AdminApi(StatusReader status, IRecoveryDesk recovery, LoopRegistry loops, MetricsScrape metrics, PreemptionNotices notices,
    CertificateApi certificates, PlacementApi placement, SshApi ssh, ILogger<AdminApi> logger)
{
    private static readonly TimeSpan FreshEnough = TimeSpan.FromMilliseconds(500);
    private static readonly string[] Read = [HttpMethods.Get, HttpMethods.Head];

    public void AddTo(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/healthz", Read, Health);
        routes.MapMethods("/readyz", Read, Readiness);
        routes.MapMethods("/metrics", Read, Metrics);
        routes.MapMethods("/status", Read, context => Answers.DocumentAsync(context, status.Status(), AdminJson.Default.StatusDocument));
        routes.MapMethods("/outages", Read, context => Answers.DocumentAsync(context, new OutagesDocument(recovery.Outages()), AdminJson.Default.OutagesDocument));
        routes.MapMethods("/outages/{id}", Read, Outage);
        routes.MapMethods("/v1/backends/{name}", Read, Backend);
        foreach (var verb in Enum.GetValues<OperatorRequest>())
        {
            routes.MapPost($"/v1/backends/{{name}}/{NameOf(verb)}", context => AskAsync(context, verb));
        }

        routes.MapPost("/v1/preemption-notice", notices.ReceiveAsync);
        certificates.AddTo(routes);
        placement.AddTo(routes);
        ssh.AddTo(routes);
    }

    private Task Health(HttpContext context)
    {
        var stuck = loops.Stuck();
        return stuck.Count == 0
            ? Answers.DocumentAsync(context, new HealthDocument("ok"), AdminJson.Default.HealthDocument)
            : Answers.ProblemAsync(context, new ProblemDocument
            {
                Title = "Stuck",
                Status = StatusCodes.Status503ServiceUnavailable,
                Loops = stuck,
                Detail = $"No progress lately: {string.Join(", ", stuck)}.",
            });
    }

    private Task Readiness(HttpContext context)
    {
        var (listeners, pools) = status.Unready();
        if (listeners.Count == 0 && pools.Count == 0)
        {
            return Answers.DocumentAsync(context, new HealthDocument("ready"), AdminJson.Default.HealthDocument);
        }

        string[] reasons =
        [
            .. listeners.Count == 0 ? [] : (string[])[$"not bound: {string.Join(", ", listeners)}"],
            .. pools.Count == 0 ? [] : (string[])[$"pools that nobody can serve: {string.Join(", ", pools)}"],
        ];
        return Answers.ProblemAsync(context, new ProblemDocument
        {
            Title = "Not ready",
            Status = StatusCodes.Status503ServiceUnavailable,
            Listeners = listeners,
            Pools = pools,
            Detail = $"{string.Join("; ", reasons)}.",
        });
    }

    private async Task Metrics(HttpContext context) => await (await metrics.ReadAsync(FreshEnough, context.RequestAborted).ConfigureAwait(false) is { } text
        ? Answers.TextAsync(context, PrometheusText.ContentType, text)
        : Answers.ProblemAsync(context, StatusCodes.Status503ServiceUnavailable, "The figures could not be collected in time; ask again.")).ConfigureAwait(false);

    private Task Outage(HttpContext context)
    {
        var id = (string)context.GetRouteValue("id")!;
        return recovery.Outage(id) is { } outage
            ? Answers.DocumentAsync(context, outage, AdminJson.Default.OutageDocument)
            : Answers.ProblemAsync(context, StatusCodes.Status404NotFound, $"No outage is called '{id}'; /outages lists them.");
    }

    private Task Backend(HttpContext context) => status.Backend(NameIn(context)) is { } backend
        ? Answers.DocumentAsync(context, backend, AdminJson.Default.BackendDocument)
        : UnknownBackend(context);

    private async Task AskAsync(HttpContext context, OperatorRequest verb)
    {
        var name = NameIn(context);
        if (status.Backend(name) is null)
        {
            await UnknownBackend(context).ConfigureAwait(false);
            return;
        }

        Log.Asked(logger, NameOf(verb), name);
        if (await recovery.AskAsync(new BackendId(name), verb, context.RequestAborted).ConfigureAwait(false) is { } refusal)
        {
            await Answers.ProblemAsync(context, StatusCodes.Status409Conflict, refusal).ConfigureAwait(false);
            return;
        }

        if (status.Backend(name) is { } backend)
        {
            await Answers.DocumentAsync(context, backend, AdminJson.Default.BackendDocument, StatusCodes.Status202Accepted).ConfigureAwait(false);
        }
        else
        {
            await UnknownBackend(context).ConfigureAwait(false);
        }
    }

    private static Task UnknownBackend(HttpContext context) =>
        Answers.ProblemAsync(context, StatusCodes.Status404NotFound, $"No backend is called '{NameIn(context)}'; /status lists them.");

    private static string NameIn(HttpContext context) => (string)context.GetRouteValue("name")!;

    private static string NameOf(OperatorRequest verb) => verb.ToString().ToLowerInvariant();
}
