using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Sentinel.Backends;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Admin;

/// <summary><c>/v1/users/{user}/ssh-config</c>, <c>/v1/ssh-key</c> and <c>/v1/backends/{name}/forget-host-key</c>: see interfaces, HTTP.</summary>
internal sealed class SshApi(ISshDesk desk)
{
    public void AddTo(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/v1/users/{user}/ssh-config", [HttpMethods.Get, HttpMethods.Head], ClientConfiguration);
        routes.MapMethods("/v1/ssh-key", [HttpMethods.Get, HttpMethods.Head], Keys);
        routes.MapPost("/v1/ssh-key/rotate", async context => await AnswerAsync(context, await desk.RotateAsync(context.RequestAborted).ConfigureAwait(false)).ConfigureAwait(false));
        routes.MapPost("/v1/ssh-key/finish", async context => await AnswerAsync(context, await desk.FinishAsync(context.Request.Query["force"] == "true", context.RequestAborted).ConfigureAwait(false)).ConfigureAwait(false));
        routes.MapPost("/v1/backends/{name}/forget-host-key", context => desk.ForgetHostKey(new BackendId((string)context.GetRouteValue("name")!))
            ? Keys(context)
            : Answers.ProblemAsync(context, StatusCodes.Status404NotFound, "No host key of a backend of that name is known."));
    }

    private Task ClientConfiguration(HttpContext context) =>
        desk.ClientConfigurationOf((string)context.GetRouteValue("user")!, context.Request.Query["method"] == "login", out var trouble) is { } text
            ? Answers.TextAsync(context, "text/plain; charset=utf-8", text)
            : Answers.ProblemAsync(context, StatusCodes.Status404NotFound, trouble!);

    private Task Keys(HttpContext context) => Answers.DocumentAsync(context, desk.Keys(), AdminJson.Default.OwnKeysDocument);

    private Task AnswerAsync(HttpContext context, string? trouble) =>
        trouble is null ? Keys(context) : Answers.ProblemAsync(context, StatusCodes.Status409Conflict, trouble);
}
