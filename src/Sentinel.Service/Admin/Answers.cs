using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Admin;

/// <summary>How the endpoint answers.</summary>
internal static class Answers
{
    public static Task DocumentAsync<T>(HttpContext context, T document, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK) =>
        SendAsync(context, status, "application/json", JsonSerializer.SerializeToUtf8Bytes(document, type));

    public static Task TextAsync(HttpContext context, string contentType, string text) =>
        SendAsync(context, StatusCodes.Status200OK, contentType, System.Text.Encoding.UTF8.GetBytes(text));

    public static Task ProblemAsync(HttpContext context, int status, string detail) =>
        ProblemAsync(context, new ProblemDocument { Title = ReasonPhrases.GetReasonPhrase(status), Status = status, Detail = detail });

    public static Task ProblemAsync(HttpContext context, ProblemDocument problem) =>
        SendAsync(context, problem.Status, "application/problem+json", JsonSerializer.SerializeToUtf8Bytes(problem, ProblemJson.Default.ProblemDocument));

    private static async Task SendAsync(HttpContext context, int status, string contentType, byte[] body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
        }
    }
}
