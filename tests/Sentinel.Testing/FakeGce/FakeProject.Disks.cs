using System.Globalization;
using System.Text.Json.Nodes;

namespace Sentinel.Testing.FakeGce;

/// <summary>Disks and their copies: who holds them, and what was last written to them.</summary>
public sealed partial class FakeProject
{
    /// <summary>A disk that nobody holds.</summary>
    public void AddDisk(string zone, string disk, long sizeGb = 10)
    {
        lock (_lock)
        {
            MakeDisk(zone, disk, sizeGb, null);
        }
    }

    /// <summary>A disk of a region, which VMs of all its zones can have, one at a time.</summary>
    public void AddRegionalDisk(string region, string disk, long sizeGb = 10)
    {
        lock (_lock)
        {
            MakeDisk(region, disk, sizeGb, null, isRegional: true);
        }
    }

    /// <summary>A disk is deleted by somebody who should not have.</summary>
    /// <param name="disk">Behind its zone, as <see cref="AllDisks"/> names it.</param>
    public void LoseDisk(string disk)
    {
        lock (_lock)
        {
            _disks.Remove(disk);
        }
    }

    /// <summary>A person takes all labels off a disk.</summary>
    public void Unlabel(string zone, string disk)
    {
        lock (_lock)
        {
            (NeedDisk(zone, disk)["labels"], NeedDisk(zone, disk)["labelFingerprint"]) = (new JsonObject(), Fingerprint());
        }
    }

    internal void Attach(FakeInstance vm, JsonObject attached)
    {
        var disk = NeedDisk(PlaceOf(vm.Zone, (string)attached["source"]!), FakeInstance.Last((string)attached["source"]!));
        if (!Trouble.AllowsTwoHolders && disk["users"]!.AsArray() is { Count: > 0 } users)
        {
            throw GceRefusalException.InUse((string)disk["selfLink"]!, (string)users[0]!);
        }

        disk["users"]!.AsArray().Add(vm.Link);
        disk["lastAttachTimestamp"] = FakeOperation.Stamp(time.GetUtcNow());
        attached["deviceName"] ??= (string)disk["name"]!;
        attached["source"] = (string)disk["selfLink"]!;
        attached["type"] ??= "PERSISTENT";
        attached["mode"] ??= "READ_WRITE";
        attached["autoDelete"] ??= false;
        attached["boot"] ??= false;
        attached["index"] = vm.Disks.Count();
        vm.Document["disks"]!.AsArray().Add(attached);
    }

    internal void Detach(FakeInstance vm, string deviceName)
    {
        var attached = vm.Disks.FirstOrDefault(disk => (string?)disk["deviceName"] == deviceName)
            ?? throw GceRefusalException.Invalid($"Invalid value for field 'deviceName': '{deviceName}'. No attached disk found.");
        if ((bool?)attached["boot"] == true && vm.Status is not ("TERMINATED" or "STOPPED"))
        {
            throw GceRefusalException.Invalid("Detaching boot disk from running instance is not supported.");
        }

        Release(vm, attached);
        vm.Document["disks"]!.AsArray().Remove(attached);
    }

    /// <summary>The zone or region that a disk belongs to.</summary>
    internal static string PlaceOf(string zone, string source) => source.Contains("regions/", StringComparison.Ordinal) ? zone[..zone.LastIndexOf('-')] : zone;

    internal JsonObject NeedDisk(string zone, string disk)
    {
        lock (_lock)
        {
            return _disks.GetValueOrDefault($"{zone}/{disk}") ?? throw GceRefusalException.NotFound($"projects/{name}/zones/{zone}/disks/{disk}");
        }
    }

    internal JsonObject[] Disks(string zone)
    {
        lock (_lock)
        {
            return [.. _disks.Where(disk => disk.Key.StartsWith(zone + "/", StringComparison.Ordinal)).Select(disk => disk.Value.DeepClone().AsObject())];
        }
    }

    /// <summary>Labels a disk, unless its labels are other ones by now.</summary>
    internal FakeOperation Label(string zone, string disk, JsonObject body, string? requestId)
    {
        lock (_lock)
        {
            if (Repeated(requestId) is { } known)
            {
                return known;
            }

            var labelled = NeedDisk(zone, disk);
            if ((string?)body["labelFingerprint"] != (string?)labelled["labelFingerprint"])
            {
                throw GceRefusalException.StaleFingerprint();
            }

            (labelled["labels"], labelled["labelFingerprint"]) = (body["labels"]!.DeepClone(), Fingerprint());
            return Begin("setLabels", zone, (string)labelled["selfLink"]!, NewId(), requestId, operation => End(operation));
        }
    }

    internal FakeOperation Snapshot(string zone, string disk, JsonObject body, string? requestId)
    {
        lock (_lock)
        {
            if (Repeated(requestId) is { } known)
            {
                return known;
            }

            var source = NeedDisk(zone, disk);
            if (_snapshots.ContainsKey((string)body["name"]!))
            {
                throw new GceRefusalException(409, "alreadyExists", $"The resource 'projects/{name}/global/snapshots/{(string)body["name"]!}' already exists");
            }

            var snapshot = (string)body["name"]!;
            return Begin("createSnapshot", zone, (string)source["selfLink"]!, NewId(), requestId, operation =>
            {
                _contents[$"snapshot/{snapshot}"] = _contents.GetValueOrDefault($"{zone}/{disk}");
                _snapshots[snapshot] = new JsonObject
                {
                    ["kind"] = "compute#snapshot",
                    ["name"] = snapshot,
                    ["status"] = "READY",
                    ["creationTimestamp"] = FakeOperation.Stamp(time.GetUtcNow()),
                    ["sourceDisk"] = (string)source["selfLink"]!,
                    ["selfLink"] = $"{Root}/projects/{name}/global/snapshots/{snapshot}",
                };
                End(operation);
            });
        }
    }

    internal JsonObject NeedSnapshot(string snapshot)
    {
        lock (_lock)
        {
            return _snapshots.TryGetValue(snapshot, out var found)
                ? found.DeepClone().AsObject()
                : throw GceRefusalException.NotFound($"projects/{name}/global/snapshots/{snapshot}");
        }
    }

    internal JsonObject[] Snapshots()
    {
        lock (_lock)
        {
            return [.. _snapshots.Values.Select(snapshot => snapshot.DeepClone().AsObject())];
        }
    }

    private void MakeDisk(string zone, string disk, long sizeGb, JsonNode? parameters, bool isRegional = false)
    {
        var place = isRegional ? $"regions/{zone}" : $"zones/{zone}";
        if (_disks.ContainsKey($"{zone}/{disk}"))
        {
            throw new GceRefusalException(409, "alreadyExists", $"The resource 'projects/{name}/zones/{zone}/disks/{disk}' already exists");
        }

        _disks[$"{zone}/{disk}"] = new JsonObject
        {
            ["kind"] = "compute#disk",
            ["id"] = NewId().ToString(CultureInfo.InvariantCulture),
            ["name"] = disk,
            [isRegional ? "region" : "zone"] = $"{Root}/projects/{name}/{place}",
            ["selfLink"] = $"{Root}/projects/{name}/{place}/disks/{disk}",
            ["status"] = "READY",
            ["sizeGb"] = sizeGb.ToString(CultureInfo.InvariantCulture),
            ["creationTimestamp"] = FakeOperation.Stamp(time.GetUtcNow()),
            ["sourceImage"] = parameters?["sourceImage"]?.DeepClone(),
            ["sourceSnapshot"] = parameters?["sourceSnapshot"]?.DeepClone(),
            ["labels"] = parameters?["labels"]?.DeepClone() ?? new JsonObject(),
            ["labelFingerprint"] = Fingerprint(),
            ["users"] = new JsonArray(),
        };
        _contents[$"{zone}/{disk}"] = (string?)parameters?["sourceSnapshot"] is { } snapshot ? _contents.GetValueOrDefault($"snapshot/{FakeInstance.Last(snapshot)}") : 0;
    }

    private void Release(FakeInstance vm, JsonObject attached)
    {
        var key = $"{PlaceOf(vm.Zone, (string)attached["source"]!)}/{FakeInstance.Last((string)attached["source"]!)}";
        if (_disks.TryGetValue(key, out var disk))
        {
            var users = disk["users"]!.AsArray();
            foreach (var user in users.Where(user => (string?)user == vm.Link).ToArray())
            {
                users.Remove(user);
                disk["lastDetachTimestamp"] = FakeOperation.Stamp(time.GetUtcNow());
            }
        }
    }
}
