using System.Text.Json.Nodes;

namespace Sentinel.Testing.FakeGce;

/// <summary>A request that the API refuses, as it words refusals.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="reason">The short reason, such as <c>notFound</c>.</param>
/// <param name="message">For people.</param>
/// <param name="retryAfter">Seconds of a Retry-After header; null for none.</param>
public sealed class GceRefusalException(int status, string reason, string message, int? retryAfter = null) : Exception(message)
{
    public int Status => status;

    public string Reason => reason;

    public int? RetryAfter => retryAfter;

    public static GceRefusalException NotFound(string resource) => new(404, "notFound", $"The resource '{resource}' was not found");

    public static GceRefusalException NotReady(string resource) => new(400, "resourceNotReady", $"The resource '{resource}' is not ready");

    public static GceRefusalException InUse(string disk, string user) => new(
        400, "resourceInUseByAnotherResource", $"The disk resource '{disk}' is already being used by '{user}'");

    public static GceRefusalException Invalid(string message) => new(400, "invalid", message);

    public static GceRefusalException BadFilter() => Invalid("Invalid value for field 'filter': Invalid list filter expression.");

    public static GceRefusalException StaleFingerprint() => new(412, "conditionNotMet", "Supplied fingerprint does not match current metadata fingerprint.");

    public static GceRefusalException RateLimited() => new(
        403, "rateLimitExceeded", "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'compute.googleapis.com'.");

    public static GceRefusalException Forbidden(string permission, string resource) => new(403, "forbidden", $"Required '{permission}' permission for '{resource}'");

    public static GceRefusalException Unauthorized() => new(
        401, "authError", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.");

    public JsonObject ToJson() => new()
    {
        ["error"] = new JsonObject
        {
            ["code"] = status,
            ["message"] = Message,
            ["errors"] = new JsonArray(new JsonObject { ["message"] = Message, ["domain"] = reason == "rateLimitExceeded" ? "usageLimits" : "global", ["reason"] = reason }),
        },
    };
}

/// <summary>What an operation ends with that was accepted and then failed.</summary>
/// <param name="Code">Such as <c>ZONE_RESOURCE_POOL_EXHAUSTED</c>.</param>
/// <param name="Message">For people.</param>
/// <param name="Status">The HTTP status that the operation bears.</param>
public sealed record OperationFault(string Code, string Message, int Status)
{
    public static OperationFault NoCapacity(string zone, bool withDetails = false) => new(
        withDetails ? "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS" : "ZONE_RESOURCE_POOL_EXHAUSTED",
        $"The zone 'projects/test-project/zones/{zone}' does not have enough resources available to fulfill the request.  Try a different zone, or try again later.",
        503);

    public static OperationFault Quota(string metric = "PREEMPTIBLE_CPUS") => new("QUOTA_EXCEEDED", $"Quota '{metric}' exceeded.  Limit: 8.0 in region us-central1.", 403);

    public static OperationFault Preempted { get; } = new("INTERNAL_ERROR", "Instance failed to start due to preemption.", 503);
}
