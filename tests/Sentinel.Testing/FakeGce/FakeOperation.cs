using System.Globalization;
using System.Text.Json.Nodes;

namespace Sentinel.Testing.FakeGce;

/// <summary>One operation of the fake cloud.</summary>
public sealed class FakeOperation
{
    public required string Name { get; init; }

    public required ulong Id { get; init; }

    public required string Zone { get; init; }

    public required string Type { get; init; }

    public required string TargetLink { get; init; }

    public required ulong TargetId { get; init; }

    public required string User { get; init; }

    public string? RequestId { get; init; }

    public string? StatusMessage { get; init; }

    public required DateTimeOffset InsertedAt { get; init; }

    public DateTimeOffset? StartedAt { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    public OperationFault? Fault { get; set; }

    public string Status => EndedAt is not null ? "DONE" : StartedAt is not null ? "RUNNING" : "PENDING";

    /// <summary>Completed when it is over.</summary>
    internal TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal JsonObject ToJson(string project)
    {
        var zone = $"{FakeProject.Root}/projects/{project}/zones/{Zone}";
        var json = new JsonObject
        {
            ["kind"] = "compute#operation",
            ["id"] = Id.ToString(CultureInfo.InvariantCulture),
            ["name"] = Name,
            ["zone"] = zone,
            ["operationType"] = Type,
            ["targetLink"] = TargetLink,
            ["targetId"] = TargetId.ToString(CultureInfo.InvariantCulture),
            ["status"] = Status,
            ["user"] = User,
            ["progress"] = EndedAt is null ? 0 : 100,
            ["insertTime"] = Stamp(InsertedAt),
            ["selfLink"] = $"{zone}/operations/{Name}",
        };
        Add("startTime", StartedAt is { } started ? Stamp(started) : null);
        Add("endTime", EndedAt is { } ended ? Stamp(ended) : null);
        Add("clientOperationId", RequestId);
        Add("statusMessage", StatusMessage);
        if (EndedAt is not null && Fault is { } fault)
        {
            json["error"] = new JsonObject { ["errors"] = new JsonArray(new JsonObject { ["code"] = fault.Code, ["message"] = fault.Message }) };
            json["httpErrorStatusCode"] = fault.Status;
            json["httpErrorMessage"] = fault.Status == 503 ? "SERVICE UNAVAILABLE" : "FORBIDDEN";
        }

        return json;

        void Add(string key, string? value)
        {
            if (value is not null)
            {
                json[key] = value;
            }
        }
    }

    /// <summary>As the API writes times: to the millisecond, in the time of its home.</summary>
    internal static string Stamp(DateTimeOffset at) => at.ToOffset(TimeSpan.FromHours(-7)).ToString("yyyy-MM-dd'T'HH:mm:ss.fffzzz", CultureInfo.InvariantCulture);
}
