using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Sentinel.Certificates;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Admin;

/// <summary><c>/v1/certificates</c>: see interfaces, HTTP.</summary>
internal sealed class CertificateApi(ICertificateDesk desk, ILogger<CertificateApi> logger)
{
    public void AddTo(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/v1/certificates", [HttpMethods.Get, HttpMethods.Head], context =>
            Answers.DocumentAsync(context, new CertificatesDocument(desk.Certificates()), AdminJson.Default.CertificatesDocument));
        routes.MapPost("/v1/certificates/{name}/renew", Renew);
        routes.MapPost("/v1/certificates/{name}/revoke", RevokeAsync);
        routes.MapPost("/v1/certificates/roll-key", RollKeyAsync);
    }

    private Task Renew(HttpContext context)
    {
        var name = NameIn(context);
        Log.RenewAsked(logger, name);
        return desk.Renew(name) is var (isKnown, why)
            ? Answers.ProblemAsync(context, isKnown ? StatusCodes.Status409Conflict : StatusCodes.Status404NotFound, why)
            : DescribeAsync(context, name, StatusCodes.Status202Accepted);
    }

    private async Task RevokeAsync(HttpContext context)
    {
        var name = NameIn(context);
        if (RevocationWords.Parse(context.Request.Query["reason"]) is not { } reason)
        {
            await Answers.ProblemAsync(context, StatusCodes.Status400BadRequest, $"The reason is one of {RevocationWords.All}.").ConfigureAwait(false);
            return;
        }

        Log.RevokeAsked(logger, name);
        var outcome = await desk.RevokeAsync(name, reason).ConfigureAwait(false);
        await (outcome.Result switch
        {
            RevokeResult.Done => DescribeAsync(context, name, StatusCodes.Status200OK),
            RevokeResult.UnknownName => Answers.ProblemAsync(context, StatusCodes.Status404NotFound, $"No certificate for exactly '{name}' is held; /status lists those that are."),
            RevokeResult.NotOurs => Answers.ProblemAsync(context, StatusCodes.Status409Conflict, $"It came from {outcome.Detail}; whoever ordered it can revoke it."),
            RevokeResult.Busy => Answers.ProblemAsync(context, StatusCodes.Status409Conflict, "It is being ordered at this moment; ask again in a minute."),
            _ => Answers.ProblemAsync(context, StatusCodes.Status502BadGateway, $"It is not revoked: {outcome.Detail}"),
        }).ConfigureAwait(false);
    }

    private async Task RollKeyAsync(HttpContext context)
    {
        Log.RollKeyAsked(logger);
        var outcomes = await desk.RollKeysAsync().ConfigureAwait(false);
        await (outcomes switch
        {
            null => Answers.ProblemAsync(context, StatusCodes.Status409Conflict, "Something is being ordered at this moment, and is proved by the key; ask again in a minute."),
            [] => Answers.ProblemAsync(context, StatusCodes.Status409Conflict, "There is no account yet: one is made with the first order of certificates.acme.names."),
            _ when outcomes.Any(outcome => outcome.Why is not null) => Answers.ProblemAsync(
                context, StatusCodes.Status502BadGateway, string.Join(' ', outcomes.Select(outcome => outcome.Why is { } why ? $"{outcome.Directory}: the old key goes on: {why}" : $"{outcome.Directory}: a new key."))),
            _ => Answers.DocumentAsync(context, new AccountsDocument([.. outcomes.Select(outcome => outcome.Directory.AbsoluteUri)]), AdminJson.Default.AccountsDocument),
        }).ConfigureAwait(false);
    }

    private Task DescribeAsync(HttpContext context, string name, int status) => Answers.DocumentAsync(
        context, new CertificatesDocument([.. desk.Certificates().Where(known => known.Names.Contains(name, StringComparer.OrdinalIgnoreCase))]), AdminJson.Default.CertificatesDocument, status);

    private static string NameIn(HttpContext context) => (string)context.GetRouteValue("name")!;
}
