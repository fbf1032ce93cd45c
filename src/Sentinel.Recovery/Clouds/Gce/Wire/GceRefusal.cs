using System.Text;
using System.Text.Json;

namespace Sentinel.Recovery.Clouds.Gce.Wire;

/// <summary>A request that was refused, or an operation that failed.</summary>
/// <param name="Result">What it means.</param>
/// <param name="IsThrottled">Whether nothing should be asked until the next minute.</param>
/// <param name="Detail">For people: what the API said.</param>
internal sealed record GceRefusal(CloudResult Result, bool IsThrottled, string Detail)
{
    /// <summary>Nobody answered, through every retry.</summary>
    public static GceRefusal Unreachable(string why) => new(CloudResult.Fault, false, why);

    /// <summary>Reads the body of an answer whose status is not 2xx.</summary>
    public static GceRefusal Of(int status, ReadOnlySpan<byte> body)
    {
        GceErrorDetail? error = null;
        try
        {
            error = JsonSerializer.Deserialize(body, GceJson.Default.GceErrorBody)?.Error;
        }
        catch (JsonException)
        {
            // a proxy in between, or a page for people
        }

        return Of(error?.Errors is { Count: > 0 } reasons ? reasons[0].Reason : null, error?.Message ?? $"HTTP status {status}", status);
    }

    /// <summary>Why an operation failed; null if it did not.</summary>
    public static GceRefusal? Of(GceOperation operation) => operation.Error?.Errors is { Count: > 0 } errors
        ? Of(errors[0].Code, errors[0].Message ?? errors[0].Code ?? "it failed", operation.HttpErrorStatusCode ?? 0)
        : null;

    private static GceRefusal Of(string? code, string message, int status)
    {
        // The same reason is spelt QUOTA_EXCEEDED in operations and quotaExceeded in answers, and at times the other way round.
        var reason = Plain(code ?? "");
        var isThrottled = status == 429 || reason is "ratelimitexceeded" or "userratelimitexceeded" or "resourceoperationrateexceeded";
        var detail = code is { Length: > 0 } && !message.Contains(code, StringComparison.Ordinal) ? $"{code}: {message}" : message;
        return new(isThrottled ? CloudResult.NotReady : Judge(reason, message, status), isThrottled, detail);
    }

    private static CloudResult Judge(string reason, string message, int status) => reason switch
    {
        _ when reason.Contains("resourcepoolexhausted", StringComparison.Ordinal) || message.Contains("STOCKOUT", StringComparison.Ordinal) => CloudResult.NoCapacity,
        _ when message.Contains("due to preemption", StringComparison.Ordinal) => CloudResult.NotReady,
        "quotaexceeded" => CloudResult.Quota,
        "resourcenotready" or "resourceinusebyanotherresource" or "ipspaceexhausted" or "conditionnotmet" => CloudResult.NotReady,
        "notfound" or "resourcenotfound" => CloudResult.NotFound,
        "forbidden" or "autherror" or "accessnotconfigured" or "permissionsdenied" or "permissionsdeny" => CloudResult.Forbidden,
        _ => status switch
        {
            401 or 403 => CloudResult.Forbidden,
            404 => CloudResult.NotFound,
            409 or 412 => CloudResult.NotReady,
            400 => CloudResult.Misconfigured,
            _ => CloudResult.Fault,
        },
    };

    private static string Plain(string code)
    {
        var plain = new StringBuilder(code.Length);
        foreach (var c in code)
        {
            if (char.IsAsciiLetterOrDigit(c))
            {
                plain.Append(char.ToLowerInvariant(c));
            }
        }

        return plain.ToString();
    }
}

/// <summary>What a request came back with: a value, or a refusal.</summary>
internal readonly record struct GceAnswer<T>(T? Value, GceRefusal? Refusal)
    where T : class
{
    public static implicit operator GceAnswer<T>(T value) => new(value, null);

    public static implicit operator GceAnswer<T>(GceRefusal refusal) => new(null, refusal);
}
