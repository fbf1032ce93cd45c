using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Sentinel.Forwarding.Http.Answers;

/// <summary>Gives an <see cref="Answer"/> the form its client wants.</summary>
internal static class AnswerWriter
{
    // People look at the page meanwhile; a page is small, and whoever is back should be seen at once.
    private const int RefreshSeconds = 5;

    /// <summary>Answers instead of a backend. Whatever was prepared on the response is dropped; it must not have started.</summary>
    public static async Task WriteAsync(HttpContext context, Answer answer)
    {
        var response = context.Response;
        response.Clear();
        response.Headers.CacheControl = "no-store";
        context.Features.GetRequiredFeature<ClientConnection>().MaySendOn |= context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true };
        if (answer.RetryAfter is { } wait)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        switch (Acceptable.Form(context.Request))
        {
            case AnswerForm.Grpc:
                WriteGrpc(response, answer);
                break;
            case AnswerForm.Html:
                response.StatusCode = answer.Status;
                await WriteHtmlAsync(context, answer);
                break;
            default:
                response.StatusCode = answer.Status;
                await WriteBodyAsync(context, "application/problem+json", ToJson(answer));
                break;
        }
    }

    /// <summary>Writes a page or document under a status that is already set.</summary>
    public static async Task WriteBodyAsync(HttpContext context, string contentType, ReadOnlyMemory<byte> body)
    {
        var response = context.Response;
        response.ContentType = contentType;
        response.ContentLength = body.Length;
        response.Headers.Vary = HeaderNames.Accept;
        response.Headers.XContentTypeOptions = "nosniff";
        await response.Body.WriteAsync(body, context.RequestAborted);
    }

    private static Task WriteHtmlAsync(HttpContext context, Answer answer)
    {
        if (answer.Page is { } own)
        {
            return WriteBodyAsync(context, "text/html; charset=utf-8", own);
        }

        var page = new Page(answer.Title);
        foreach (var paragraph in answer.Paragraphs)
        {
            page.Paragraph(paragraph);
        }

        if (answer.Progress is { } progress)
        {
            page.Progress(progress, "How much of the usual time is over");
        }

        if (answer.Refreshes)
        {
            page.Refresh(RefreshSeconds).Aside($"This page tries again by itself every {RefreshSeconds} seconds.");
        }

        if (answer.Status == StatusCodes.Status503ServiceUnavailable)
        {
            page.Link(OutageAnswer.StatusPath, "Live status");
        }

        context.Response.Headers.ContentSecurityPolicy = Page.ContentSecurityPolicy;
        return WriteBodyAsync(context, "text/html; charset=utf-8", page.ToUtf8());
    }

    // Status 200 and the real status in the header, which is all there is: no body, no trailers.
    private static void WriteGrpc(HttpResponse response, Answer answer)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "application/grpc";
        response.Headers.GrpcStatus = answer.GrpcStatus.ToString(CultureInfo.InvariantCulture);
        response.Headers.GrpcMessage = PercentEncode(string.Join(' ', answer.Paragraphs));
    }

    /// <summary>By the rule for grpc-message: what is not printable ASCII, and the percent sign itself, as %XX of its UTF-8.</summary>
    internal static string PercentEncode(string text)
    {
        var encoded = new StringBuilder(text.Length);
        foreach (var unit in Encoding.UTF8.GetBytes(text))
        {
            if (unit is >= 0x20 and <= 0x7e and not (byte)'%')
            {
                encoded.Append((char)unit);
            }
            else
            {
                encoded.Append('%').Append(unit.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return encoded.ToString();
    }

    private static ReadOnlyMemory<byte> ToJson(Answer answer)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type", "about:blank");
            json.WriteString("title", ReasonPhrases.GetReasonPhrase(answer.Status));
            json.WriteNumber("status", answer.Status);
            json.WriteString("detail", string.Join(' ', answer.Paragraphs));
            if (answer.Since is { } since)
            {
                json.WriteString("since", since.ToUniversalTime());
            }

            if (answer.ExpectedSeconds is { } seconds)
            {
                json.WriteNumber("expectedSeconds", seconds);
            }

            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }
}
