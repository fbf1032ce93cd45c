using System.Text;
using Microsoft.AspNetCore.Http;

namespace Sentinel.Forwarding.Http.Answers;

/// <summary>What an ACME server is told that validates a name over HTTP (RFC 8555 §8.3).</summary>
internal static class AcmeAnswer
{
    private static readonly PathString Folder = new("/.well-known/acme-challenge");

    /// <summary>Whether a request is such a validation, of ours or of a backend's own client. It comes to port 80; elsewhere the answer does no harm.</summary>
    public static bool IsAsked(HttpRequest request, out string token)
    {
        token = request.Path.StartsWithSegments(Folder, StringComparison.Ordinal, out var rest) && rest.Value is ['/', .. { Length: > 0 } last] ? last : "";
        return token.Length > 0 && request.Method is "GET" or "HEAD";
    }

    public static Task WriteAsync(HttpContext context, string keyAuthorization)
    {
        context.Response.Headers.CacheControl = "no-store";
        return AnswerWriter.WriteBodyAsync(context, "application/octet-stream", Encoding.ASCII.GetBytes(keyAuthorization));
    }
}
