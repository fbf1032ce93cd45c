using System.Text.Json.Nodes;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>What goes into a request as a disk, or why the request must not be made.</summary>
internal readonly record struct GceDrawn(JsonObject? Disk, CloudOutcome? Obstacle)
{
    public static implicit operator GceDrawn(CloudOutcome obstacle) => new(null, obstacle);
}

/// <summary>
/// Disks that a VM takes along. A disk is attached only when its own <c>users[]</c> shows that nobody holds it, never by
/// force, and nothing here deletes one.
/// </summary>
internal sealed class GceDisks(GceClient client, Guid requestId, Func<string, Wire.GceOperation, CancellationToken, Task<CloudOutcome>> follow)
{
    /// <summary>What the names of copies begin with. What such a copy was made of is older than what was written to it.</summary>
    private const string CopyPrefix = "sentinel-";

    /// <summary>Whether a link names a disk of a region.</summary>
    public static bool IsRegional(string link) => link.Contains("/regions/", StringComparison.Ordinal);

    /// <summary>The zone of a disk of one zone; null for one of a region, and where the link does not say.</summary>
    public static string? ZoneOf(string link) => link.Split('/') is var parts && Array.IndexOf(parts, "zones") is >= 0 and var at && at + 1 < parts.Length ? parts[at + 1] : null;

    /// <summary>Where a disk is, as requests name places.</summary>
    public static string PlaceOf(string link, string zone) => IsRegional(link) ? $"regions/{GceDescription.RegionOf(zone)}" : $"zones/{zone}";

    /// <summary>A disk that is to be attached where it is.</summary>
    /// <param name="attached">As it was attached before.</param>
    public async Task<GceDrawn> AttachAsync(JsonObject attached, string zone, CancellationToken cancellationToken)
    {
        var link = (string?)attached["source"] ?? "";
        var (place, name) = (PlaceOf(link, zone), GceDescription.Last(link));
        var disk = await client.DiskAsync(place, name, cancellationToken).ConfigureAwait(false);
        if (disk.Refusal is { } missing)
        {
            // A disk that does not exist is no VM that does not exist: a person must mend it.
            return new CloudOutcome(missing.Result is CloudResult.NotFound ? CloudResult.Misconfigured : missing.Result, missing.Detail);
        }

        return disk.Value!.Users is { Count: > 0 } users ? new CloudOutcome(CloudResult.NotReady, $"the disk {name} is held by {users[0]}")
            : GceHandover.Of(disk.Value) is { } handover && handover.Zone != zone ? new CloudOutcome(CloudResult.Misconfigured, handover.Describe(name))
            : disk.Value.Status is not "READY" ? new CloudOutcome(CloudResult.NotReady, $"the disk {name} is {disk.Value.Status}")
            : new GceDrawn(With(attached, new JsonObject { ["source"] = $"{place}/disks/{name}" }), null);
    }

    /// <summary>
    /// A copy of a disk of one zone, to be made in another with the VM. Taken anew in each attempt, from a disk that nobody
    /// holds: an older one may lack what was written since. It outlives its VM, as no copy of it is kept in step.
    /// </summary>
    /// <param name="vm">Whose disk it is.</param>
    public async Task<GceDrawn> CopyAsync(JsonObject attached, string from, string vm, CancellationToken cancellationToken)
    {
        var name = GceDescription.Last((string?)attached["source"] ?? "");
        var snapshot = $"{CopyPrefix}{name[..Math.Min(name.Length, 40)]}-{RequestId.Part(requestId, $"{from}/{name}"):n}"[..(CopyPrefix.Length + Math.Min(name.Length, 40) + 13)];
        var disk = await client.DiskAsync($"zones/{from}", name, cancellationToken).ConfigureAwait(false);
        if (disk.Refusal is { } missing)
        {
            return new CloudOutcome(missing.Result is CloudResult.NotFound ? CloudResult.Misconfigured : missing.Result, missing.Detail);
        }

        if (disk.Value!.Users is { Count: > 0 } users)
        {
            return new CloudOutcome(CloudResult.NotReady, $"the disk {name} is held by {users[0]}");
        }

        var known = await client.SnapshotAsync(snapshot, cancellationToken).ConfigureAwait(false);
        if (known.Refusal is { Result: CloudResult.NotFound })
        {
            var asked = await client.SnapshotAsync(from, name, snapshot, RequestId.Part(requestId, snapshot), cancellationToken).ConfigureAwait(false);
            if (asked.Refusal is { } refused)
            {
                // A disk may be copied only so often; the fallbacks after this one can be had meanwhile.
                return new CloudOutcome(refused.IsThrottled ? CloudResult.NoCapacity : refused.Result is CloudResult.NotFound ? CloudResult.Misconfigured : refused.Result, refused.Detail);
            }

            if (await follow(from, asked.Value!, cancellationToken).ConfigureAwait(false) is { IsGood: false } failed)
            {
                return failed;
            }
        }
        else if (known.Refusal is { } refusal)
        {
            return new CloudOutcome(refusal.Result, refusal.Detail);
        }
        else if ((string?)known.Value!["status"] is not "READY" and var status)
        {
            return new CloudOutcome(CloudResult.NotReady, $"the snapshot {snapshot} is {status}");
        }
        else if (TimeOf((string?)known.Value["creationTimestamp"]) < TimeOf(disk.Value.LastDetachTimestamp))
        {
            return new CloudOutcome(CloudResult.NotReady, $"the snapshot {snapshot} is older than what the disk {name} may hold by now");
        }

        var copy = With(attached, new JsonObject
        {
            ["initializeParams"] = new JsonObject
            {
                ["sourceSnapshot"] = $"global/snapshots/{snapshot}",
                ["diskName"] = snapshot,
                ["labels"] = GceHandover.LabelsOfCopy(vm, from),
            },
        });
        copy["autoDelete"] = false;
        return new(copy, null);
    }

    /// <summary>A disk that went with its VM, to be made of what it was made of before.</summary>
    /// <param name="source">What was known of it; null: nothing.</param>
    public static GceDrawn Renew(JsonObject attached, JsonObject? source, string zone)
    {
        var name = GceDescription.Last((string?)attached["source"] ?? "");
        if ((bool?)attached["boot"] is not true || source is null || ((string?)source["sourceImage"] ?? (string?)source["sourceSnapshot"]) is null
            || GceDescription.Last((string?)source["sourceSnapshot"] ?? "").StartsWith(CopyPrefix, StringComparison.Ordinal))
        {
            return new CloudOutcome(CloudResult.Misconfigured, $"the disk {name} went with the VM, and nothing says what to make it from: set recreate.template, or keep the disk when the VM goes");
        }

        var parameters = new JsonObject { ["diskSizeGb"] = source["sizeGb"]?.DeepClone() };
        parameters[source["sourceImage"] is null ? "sourceSnapshot" : "sourceImage"] = (source["sourceImage"] ?? source["sourceSnapshot"])!.DeepClone();
        if ((string?)source["type"] is { } type)
        {
            parameters["diskType"] = $"zones/{zone}/diskTypes/{GceDescription.Last(type)}";
        }

        return new(With(attached, new JsonObject { ["initializeParams"] = parameters }), null);
    }

    private static DateTimeOffset TimeOf(string? stamp) => DateTimeOffset.TryParse(stamp, System.Globalization.CultureInfo.InvariantCulture, out var at) ? at : DateTimeOffset.MinValue;

    private static JsonObject With(JsonObject attached, JsonObject source)
    {
        source["deviceName"] = (string?)attached["deviceName"] ?? GceDescription.Last((string?)attached["source"] ?? "disk");
        source["boot"] = (bool?)attached["boot"] ?? false;
        source["autoDelete"] = (bool?)attached["autoDelete"] ?? false;
        return source;
    }
}
