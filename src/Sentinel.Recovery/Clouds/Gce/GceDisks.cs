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
    /// <summary>Whether a link names a disk of a region.</summary>
    public static bool IsRegional(string link) => link.Contains("/regions/", StringComparison.Ordinal);

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
            : disk.Value.Status is not "READY" ? new CloudOutcome(CloudResult.NotReady, $"the disk {name} is {disk.Value.Status}")
            : new GceDrawn(With(attached, new JsonObject { ["source"] = $"{place}/disks/{name}" }), null);
    }

    /// <summary>A copy of a disk of one zone, to be made in another. One copy serves all attempts after the same stop: the VM is down, and its disk does not change.</summary>
    /// <param name="stop">Names the stop.</param>
    public async Task<GceDrawn> CopyAsync(JsonObject attached, string from, string stop, CancellationToken cancellationToken)
    {
        var name = GceDescription.Last((string?)attached["source"] ?? "");
        var snapshot = $"{name[..Math.Min(name.Length, 50)]}-{RequestId.Part(Guid.Empty, $"{from}/{name}/{stop}"):n}"[..Math.Min(63, Math.Min(name.Length, 50) + 13)];
        var known = await client.SnapshotAsync(snapshot, cancellationToken).ConfigureAwait(false);
        if (known.Refusal is { Result: CloudResult.NotFound })
        {
            var asked = await client.SnapshotAsync(from, name, snapshot, RequestId.Part(requestId, snapshot), cancellationToken).ConfigureAwait(false);
            if (asked.Refusal is { } refused)
            {
                return new CloudOutcome(refused.Result is CloudResult.NotFound ? CloudResult.Misconfigured : refused.Result, refused.Detail);
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

        return new(With(attached, new JsonObject
        {
            ["initializeParams"] = new JsonObject { ["sourceSnapshot"] = $"global/snapshots/{snapshot}", ["diskName"] = snapshot },
        }), null);
    }

    /// <summary>A disk that went with its VM, to be made of what it was made of before.</summary>
    /// <param name="source">What was known of it; null: nothing.</param>
    public static GceDrawn Renew(JsonObject attached, JsonObject? source, string zone)
    {
        var name = GceDescription.Last((string?)attached["source"] ?? "");
        if ((bool?)attached["boot"] is not true || ((string?)source?["sourceImage"] ?? (string?)source?["sourceSnapshot"]) is null)
        {
            return new CloudOutcome(CloudResult.Misconfigured, $"the disk {name} went with the VM, and nothing says what to make it from: set recreate.template, or keep the disk when the VM goes");
        }

        var parameters = new JsonObject { ["diskSizeGb"] = source!["sizeGb"]?.DeepClone() };
        parameters[source["sourceImage"] is null ? "sourceSnapshot" : "sourceImage"] = (source["sourceImage"] ?? source["sourceSnapshot"])!.DeepClone();
        if ((string?)source["type"] is { } type)
        {
            parameters["diskType"] = $"zones/{zone}/diskTypes/{GceDescription.Last(type)}";
        }

        return new(With(attached, new JsonObject { ["initializeParams"] = parameters }), null);
    }

    private static JsonObject With(JsonObject attached, JsonObject source)
    {
        source["deviceName"] = (string?)attached["deviceName"] ?? GceDescription.Last((string?)attached["source"] ?? "disk");
        source["boot"] = (bool?)attached["boot"] ?? false;
        source["autoDelete"] = (bool?)attached["autoDelete"] ?? false;
        return source;
    }
}
