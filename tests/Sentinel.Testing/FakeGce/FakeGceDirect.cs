using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Sentinel.Testing.FakeGce;

/// <summary>The same API without a network: each request is answered at once, on the caller's thread.</summary>
public sealed class FakeGceDirect(FakeProject project, TimeProvider time)
{
    private readonly GceRoutes _routes = new(project, time);

    /// <summary>Carries out a request that does not wait for an operation.</summary>
    public HttpResponseMessage Answer(HttpMethod method, Uri uri, string? body)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = method.Method;
        context.Request.Path = uri.AbsolutePath;
        context.Request.QueryString = new QueryString(uri.Query);
        context.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(body ?? ""));
        try
        {
            if (project.Trouble.Refusing(method.Method, uri.AbsolutePath) is { } refusal)
            {
                throw refusal;
            }

            var answer = _routes.AnswerAsync(context, method.Method, uri.AbsolutePath);
            return answer.IsCompleted ? Reply(200, answer.GetAwaiter().GetResult()) : throw new InvalidOperationException($"{uri} is not answered at once.");
        }
        catch (GceRefusalException fault)
        {
            return Reply(fault.Status, fault.ToJson());
        }
    }

    private static HttpResponseMessage Reply(int status, JsonObject document) =>
        new((HttpStatusCode)status) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(document.ToJsonString())) };
}
