using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Http.Answers;

/// <summary>
/// The live status of a pool that is down, for whoever waits for it: names, states and since when, and nothing about
/// addresses, causes or other pools, because anybody may look.
/// </summary>
internal static class StatusAnswer
{
    private const int RefreshSeconds = 3;

    public static Task WriteAsync(HttpContext context, Pool pool, DateTimeOffset now)
    {
        context.Response.Clear();
        context.Response.Headers.CacheControl = "no-store";
        if (Acceptable.Form(context.Request.Headers.Accept) == AnswerForm.Problem)
        {
            return AnswerWriter.WriteBodyAsync(context, "application/json", ToJson(pool));
        }

        context.Response.Headers.ContentSecurityPolicy = Page.ContentSecurityPolicy;
        var page = new Page("Nobody can serve at the moment")
            .Refresh(RefreshSeconds)
            .Table(["Server", "State", "For"], pool.Members.Select(member => (IReadOnlyList<string>)
            [
                member.Id.Name,
                OutageAnswer.InWords(member.Status.State),
                member.Status.Since == DateTimeOffset.MinValue ? "" : RoughDuration.Of(now - member.Status.Since),
            ]))
            .Paragraph($"This page shows the present state every {RefreshSeconds} seconds. Once somebody serves again, this address belongs to the service.")
            .Link("/", "To the service");
        return AnswerWriter.WriteBodyAsync(context, "text/html; charset=utf-8", page.ToUtf8());
    }

    private static ReadOnlyMemory<byte> ToJson(Pool pool)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("pool", pool.Definition.Id.Name);
            json.WriteBoolean("canServe", pool.CanServe);
            json.WriteStartArray("backends");
            foreach (var member in pool.Members)
            {
                json.WriteStartObject();
                json.WriteString("name", member.Id.Name);
                json.WriteString("state", member.Status.State.ToName());
                json.WriteString("since", member.Status.Since.ToUniversalTime());
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }
}
