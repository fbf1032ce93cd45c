using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Sentinel.Forwarding.Http.Answers;

/// <summary>The forms an answer of our own can take.</summary>
internal enum AnswerForm
{
    /// <summary>RFC 9457, for programs and for whoever did not say.</summary>
    Problem,

    /// <summary>A page, for people.</summary>
    Html,

    /// <summary>The trailers-only form of a gRPC response.</summary>
    Grpc,
}

/// <summary>Proactive negotiation (RFC 9110 §12): which form a client would rather have.</summary>
internal static class Acceptable
{
    /// <summary>A gRPC call gets gRPC whatever it accepts; anything else by its Accept header.</summary>
    public static AnswerForm Form(HttpRequest request) =>
        IsGrpc(request.ContentType) ? AnswerForm.Grpc : Form(request.Headers.Accept);

    /// <summary>
    /// HTML if it has the higher quality, or the same and was named more precisely: browsers name it, tools say
    /// <c>*/*</c>. A client that accepts neither gets the problem, because an error in the wrong form says more than none.
    /// </summary>
    public static AnswerForm Form(StringValues accept)
    {
        if (accept.Count == 0 || !MediaTypeHeaderValue.TryParseList([.. accept.OfType<string>()], out var ranges))
        {
            return AnswerForm.Problem;
        }

        var html = Best(ranges, "text", "html");
        var problem = Higher(Best(ranges, "application", "problem+json"), Best(ranges, "application", "json"));
        return html.Quality > 0 && Higher(problem, html) == html && html != problem ? AnswerForm.Html : AnswerForm.Problem;
    }

    /// <summary>By the definition of gRPC over HTTP/2: <c>application/grpc</c>, bare or with a suffix. grpc-web is something else.</summary>
    public static bool IsGrpc(string? contentType) =>
        contentType is not null
        && contentType.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase)
        && (contentType.Length == 16 || contentType[16] is ';' or '+');

    // Where several ranges cover a type, the most precise decides (RFC 9110 §12.5.1): */*;q=1 does not overrule text/html;q=0.
    private static (double Quality, int Precision) Best(IList<MediaTypeHeaderValue> ranges, string type, string subtype)
    {
        (double Quality, int Precision) best = (0, -1);
        foreach (var range in ranges)
        {
            var precision =
                range.MatchesAllTypes ? 0
                : !range.Type.Equals(type, StringComparison.OrdinalIgnoreCase) ? -1
                : range.MatchesAllSubTypes ? 1
                : range.SubType.Equals(subtype, StringComparison.OrdinalIgnoreCase) ? 2
                : -1;
            var quality = range.Quality ?? 1;
            if (precision > best.Precision || (precision == best.Precision && quality > best.Quality))
            {
                best = (quality, precision);
            }
        }

        return best;
    }

    private static (double Quality, int Precision) Higher((double Quality, int Precision) a, (double Quality, int Precision) b) =>
        b.CompareTo(a) > 0 ? b : a;
}
