using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Admin;

/// <summary>What every request passes before it reaches its endpoint: headers, host, token; and what becomes of errors.</summary>
internal sealed class AdminPipeline(ConfigurationInForce configuration, bool onLoopback, ILogger logger)
{
    public void AddTo(IApplicationBuilder app)
    {
        app.Use(CatchAsync);
        app.Use(AdmitAsync);
    }

    private async Task CatchAsync(HttpContext context, RequestDelegate next)
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        try
        {
            await next(context).ConfigureAwait(false);
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            await Answers.ProblemAsync(context, e.StatusCode, e.Message).ConfigureAwait(false);
        }
        catch (Exception e) when (!context.RequestAborted.IsCancellationRequested)
        {
            Log.RequestFailed(logger, e, context.Request.Method, context.Request.Path.Value ?? "");
            if (context.Response.HasStarted)
            {
                context.Abort();
                return;
            }

            await Answers.ProblemAsync(context, StatusCodes.Status500InternalServerError, "The daemon failed to answer; its log says why.").ConfigureAwait(false);
        }

        if (context.Response.ContentType is null && context.Response.StatusCode is StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed)
        {
            await Answers.ProblemAsync(context, context.Response.StatusCode, context.Response.StatusCode == StatusCodes.Status404NotFound
                ? "Nothing is here; /status says what there is."
                : $"This can be asked with {context.Response.Headers.Allow}.").ConfigureAwait(false);
        }
    }

    private Task AdmitAsync(HttpContext context, RequestDelegate next)
    {
        var (request, current) = (context.Request, configuration.Current);
        if (onLoopback && !Access.IsOurHost(request.Host.Host.Trim('[', ']'), current.Configuration.Name))
        {
            return Answers.ProblemAsync(context, StatusCodes.Status421MisdirectedRequest, "This is not the host that was asked for; use 127.0.0.1, localhost or the sentinel's name.");
        }

        if (Access.NeedsToken(request.Method, request.Path, onLoopback) && !current.Token.IsShownBy(request.Headers.Authorization))
        {
            // The same for what exists and what does not: names are told only to those who show the token.
            context.Response.Headers.WWWAuthenticate = "Bearer";
            return Answers.ProblemAsync(context, StatusCodes.Status401Unauthorized, "This needs the header Authorization: Bearer TOKEN, with the token of admin.tokenFile.");
        }

        return next(context);
    }
}
