using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;

namespace Sentinel.Certificates.Acme;

/// <summary>One answer of an authority.</summary>
internal sealed partial class AcmeReply(HttpResponseMessage response, byte[] body, TimeSpan? retryAfter, Uri asked)
{
    private readonly int _status = (int)response.StatusCode;
    private readonly string? _mediaType = response.Content.Headers.ContentType?.MediaType;

    /// <summary>When to ask again; null if it does not say.</summary>
    public TimeSpan? RetryAfter => retryAfter;

    /// <summary>What the next request may be signed with, once; null if there is none.</summary>
    public string? Nonce { get; } = response.Headers.TryGetValues("Replay-Nonce", out var nonces) ? nonces.First() : null;

    /// <summary>Where what was made is; null if nothing was.</summary>
    public Uri? Location { get; } = response.Headers.Location is { } location ? new Uri(asked, location) : null;

    /// <summary>Other chains for the same certificate (RFC 8555 §7.4.2).</summary>
    public IReadOnlyList<Uri> Alternates { get; } = response.Headers.TryGetValues("Link", out var links)
        ? [.. links.SelectMany(link => Link().Matches(link)).Where(match => match.Groups["rel"].Value == "alternate").Select(match => new Uri(asked, match.Groups["url"].Value))]
        : [];

    public string Text => Encoding.UTF8.GetString(body);

    /// <exception cref="AcmeException">It is something else.</exception>
    public T Read<T>(JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw new JsonException();
        }
        catch (JsonException e)
        {
            throw new AcmeException($"{asked} answered what is no {typeof(T).Name.Replace("Document", "", StringComparison.Ordinal).ToLowerInvariant()} of ACME; is it an ACME directory?", e);
        }
    }

    /// <summary>Why it was refused; made up from the status where the answer is no problem document.</summary>
    public AcmeProblem ReadProblem()
    {
        if (_mediaType == "application/problem+json")
        {
            try
            {
                if (JsonSerializer.Deserialize(body, AcmeJson.Default.AcmeProblem) is { } problem)
                {
                    return problem with { Status = problem.Status ?? _status };
                }
            }
            catch (JsonException)
            {
                // Then the status is all there is.
            }
        }

        return new AcmeProblem { Type = "http", Detail = $"{asked.GetLeftPart(UriPartial.Path)} answered {_status}", Status = _status };
    }

    [GeneratedRegex("<(?<url>[^>]*)>[^,]*;\\s*rel=\"?(?<rel>[a-z]+)\"?")]
    private static partial Regex Link();
}
