using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Jump.Placement;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Admin;

/// <summary><c>/v1/placements</c> and <c>/v1/keys</c>: see interfaces, HTTP.</summary>
internal sealed class PlacementApi(IPlacementDesk desk, ILogger<PlacementApi> logger)
{
    private const int LongestBody = 4096;
    private const string WantedBody = "That needs a body: {\"backend\":\"spot-1\"}.";

    public void AddTo(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/v1/placements", [HttpMethods.Get, HttpMethods.Head], context => Answers.DocumentAsync(context, desk.Placements(), AdminJson.Default.PlacementsDocument));
        routes.MapPut("/v1/placements/{user}", PlaceAsync);
        routes.MapPost("/v1/placements/{user}/auto", context => PlaceAsync(context, backend: null));
        routes.MapDelete("/v1/placements/{user}", RemoveAsync);
        routes.MapPost("/v1/keys/resync", ResyncAsync);
    }

    private async Task PlaceAsync(HttpContext context)
    {
        if (await BackendInAsync(context).ConfigureAwait(false) is { } backend)
        {
            await PlaceAsync(context, backend).ConfigureAwait(false);
        }
        else
        {
            await Answers.ProblemAsync(context, StatusCodes.Status400BadRequest, WantedBody).ConfigureAwait(false);
        }
    }

    private async Task PlaceAsync(HttpContext context, BackendId? backend)
    {
        var outcome = await desk.PlaceAsync(UserIn(context), backend, context.RequestAborted).ConfigureAwait(false);
        await AnswerAsync(context, outcome).ConfigureAwait(false);
    }

    private async Task RemoveAsync(HttpContext context) =>
        await AnswerAsync(context, await desk.RemoveAsync(UserIn(context), context.RequestAborted).ConfigureAwait(false)).ConfigureAwait(false);

    private async Task ResyncAsync(HttpContext context)
    {
        if (await BackendInAsync(context).ConfigureAwait(false) is not { } backend)
        {
            await Answers.ProblemAsync(context, StatusCodes.Status400BadRequest, WantedBody).ConfigureAwait(false);
        }
        else if (desk.Resync(backend))
        {
            Log.ResyncAsked(logger, backend.Name);
            var standing = desk.KeySync().FirstOrDefault(one => one.Backend == backend.Name) ?? new(backend.Name, 0, null, null);
            await Answers.DocumentAsync(context, standing, AdminJson.Default.KeySyncDocument, StatusCodes.Status202Accepted).ConfigureAwait(false);
        }
        else
        {
            await Answers.ProblemAsync(context, StatusCodes.Status404NotFound,
                "No backend of that name has its users fetched; that takes ssh.keySync in the configuration, and the backend in ssh.pool where there is one.").ConfigureAwait(false);
        }
    }

    private static Task AnswerAsync(HttpContext context, PlacementOutcome outcome) => outcome.Result == PlacementResult.Done
        ? Answers.DocumentAsync(context, new PlacedDocument(outcome.User is { } user ? Describe(user) : null, outcome.Why, outcome.Output), AdminJson.Default.PlacedDocument)
        : Refuse(context, outcome, outcome.Result switch
        {
            PlacementResult.Unknown => StatusCodes.Status404NotFound,
            PlacementResult.BadName => StatusCodes.Status400BadRequest,
            PlacementResult.Refused => StatusCodes.Status409Conflict,
            PlacementResult.NotProvisioned => StatusCodes.Status502BadGateway,
            _ => StatusCodes.Status500InternalServerError,
        });

    private static Task Refuse(HttpContext context, PlacementOutcome outcome, int status) => Answers.ProblemAsync(
        context, new ProblemDocument { Title = ReasonPhrases.GetReasonPhrase(status), Status = status, Detail = outcome.Why, Output = outcome.Output });

    public static PlacementDocument Describe(UserPlacement user) => new()
    {
        User = user.Name,
        Backend = user.Backend?.Name,
        By = JsonNamingPolicy.CamelCase.ConvertName(user.Source.ToString()),
        Since = user.Since,
        Pending = user.Pending?.Name,
        Gone = user.Gone?.Name,
        Clashes = [.. user.Clashes.Select(backend => backend.Name)],
        Keys = user.Keys,
    };

    private static async Task<BackendId?> BackendInAsync(HttpContext context)
    {
        // A body without a declared length is bounded by the endpoint's own limit.
        if (context.Request.ContentLength > LongestBody)
        {
            return null;
        }

        try
        {
            var document = await JsonSerializer.DeserializeAsync(context.Request.Body, AdminJson.Default.BackendNameDocument, context.RequestAborted).ConfigureAwait(false);
            return document?.Backend is { Length: > 0 } name ? new BackendId(name) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string UserIn(HttpContext context) => (string)context.GetRouteValue("user")!;
}
