using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Sentinel.Testing.FakeGce;

/// <summary>Which path and method means what.</summary>
internal sealed class GceRoutes(FakeProject project, TimeProvider time)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);

    /// <exception cref="GceRefusalException">The request is refused.</exception>
    public async Task<JsonObject> AnswerAsync(HttpContext context, string method, string path)
    {
        var parts = path.Trim('/').Split('/');
        if (parts is not ["compute", "v1", "projects", var name, .. var rest])
        {
            throw GceRefusalException.NotFound(path);
        }

        if (name != project.Name)
        {
            throw GceRefusalException.Forbidden("compute.instances.list", $"projects/{name}");
        }

        var query = new Asked(context.Request);
        return (method, rest) switch
        {
            ("GET", ["aggregated", "instances"]) => Aggregate(query, "instances", zone => project.Instances(zone)),
            ("GET", ["aggregated", "operations"]) => Aggregate(query, "operations", zone => project.OperationDocuments(zone)),
            ("GET", ["zones", var zone]) => new JsonObject { ["kind"] = "compute#zone", ["name"] = zone, ["status"] = "UP", ["selfLink"] = $"{FakeProject.Root}/projects/{name}/zones/{zone}" },
            ("GET", ["zones", var zone, "instances"]) => List(query, "compute#instanceList", project.Instances(zone)),
            ("POST", ["zones", var zone, "instances"]) => project.Describe(project.Insert(zone, await BodyAsync(context).ConfigureAwait(false), query["sourceInstanceTemplate"], query.RequestId)),
            ("GET", ["zones", var zone, "instances", var vm]) => project.Instance(zone, vm),
            ("DELETE", ["zones", var zone, "instances", var vm]) => project.Describe(project.Delete(zone, vm, query.RequestId)),
            ("POST", ["zones", var zone, "instances", var vm, var verb]) => project.Describe(await DoAsync(context, query, zone, vm, verb).ConfigureAwait(false)),
            ("GET", ["zones", var zone, "operations"]) => List(query, "compute#operationList", project.OperationDocuments(zone)),
            ("GET", ["zones", var zone, "operations", var operation]) => project.Describe(project.Operation(zone, operation)),
            ("POST", ["zones", var zone, "operations", var operation, "wait"]) => await WaitAsync(zone, operation, context.RequestAborted).ConfigureAwait(false),
            ("GET", ["zones", var zone, "disks"]) => List(query, "compute#diskList", project.Disks(zone)),
            ("GET", ["regions", var region, "disks", var disk]) => project.NeedDisk(region, disk).DeepClone().AsObject(),
            ("GET", ["global", "snapshots", var snapshot]) => project.NeedSnapshot(snapshot),
            ("GET", ["zones", var zone, "disks", var disk]) => project.NeedDisk(zone, disk).DeepClone().AsObject(),
            ("POST", ["zones", var zone, "disks", var disk, "createSnapshot"]) => project.Describe(project.Snapshot(zone, disk, await BodyAsync(context).ConfigureAwait(false), query.RequestId)),
            ("POST", ["zones", var zone, "disks", var disk, "setLabels"]) => project.Describe(project.Label(zone, disk, await BodyAsync(context).ConfigureAwait(false), query.RequestId)),
            ("GET", ["global", "snapshots"]) => List(query, "compute#snapshotList", project.Snapshots()),
            ("GET", ["global", "instanceTemplates"]) => List(query, "compute#instanceTemplateList", project.Templates()),
            ("GET", ["global", "instanceTemplates", var template]) => project.Template(template).DeepClone().AsObject(),
            _ => throw GceRefusalException.NotFound(path),
        };
    }

    private static JsonObject List(Asked query, string kind, JsonObject[] items)
    {
        var (page, next) = ListQuery.Parse(key => query[key]).Page(items);
        var answer = new JsonObject { ["kind"] = kind, ["items"] = page };
        if (page.Count == 0)
        {
            answer.Remove("items");
        }

        if (next is not null)
        {
            answer["nextPageToken"] = next;
        }

        return answer;
    }

    private JsonObject Aggregate(Asked query, string kind, Func<string?, JsonObject[]> all)
    {
        var (page, next) = ListQuery.Parse(key => query[key]).Page(all(null));
        var unreachable = project.Trouble.UnreachableZone;
        if (unreachable is not null && query["returnPartialSuccess"] != "true")
        {
            throw new GceRefusalException(503, "backendError", $"Zone '{unreachable}' is unreachable.");
        }

        var items = new JsonObject();
        foreach (var group in page.OfType<JsonObject>().GroupBy(item => FakeInstance.Last((string)item["zone"]!)).Where(group => group.Key != unreachable))
        {
            items[$"zones/{group.Key}"] = new JsonObject { [kind] = new JsonArray([.. group.Select(item => item.DeepClone())]) };
        }

        var answer = new JsonObject { ["kind"] = $"compute#{kind[..^1]}AggregatedList", ["items"] = items };
        if (unreachable is not null)
        {
            items[$"zones/{unreachable}"] = new JsonObject { ["warning"] = new JsonObject { ["code"] = "UNREACHABLE", ["message"] = "The zone is unreachable." } };
            answer["unreachables"] = new JsonArray($"projects/{project.Name}/zones/{unreachable}");
        }

        if (next is not null)
        {
            answer["nextPageToken"] = next;
        }

        return answer;
    }

    private async Task<FakeOperation> DoAsync(HttpContext context, Asked query, string zone, string vm, string verb)
    {
        // The change is made later, when the request is no more.
        var (device, autoDelete) = (query["deviceName"], query["autoDelete"] == "true");
        switch (verb)
        {
            case "start":
                return project.Start(zone, vm, query.RequestId);
            case "resume":
                return project.Resume(zone, vm, query.RequestId);
            case "stop" or "suspend":
                return project.Stop(zone, vm, query.RequestId, verb);
            case "reset":
                return project.Reset(zone, vm, query.RequestId);
            case "simulateMaintenanceEvent":
                project.Preempt(zone, vm);
                return project.Change(verb, zone, vm, query.RequestId, mustBeOff: false, (_, _) => { }, _ => { });
            case "detachDisk" when project.Find(zone, vm) is { Status: "RUNNING" } it && it.Disks.Any(disk => (string?)disk["deviceName"] == device && (bool?)disk["boot"] == true):
                throw GceRefusalException.Invalid("Detaching boot disk from running instance is not supported.");
            case "detachDisk":
                return project.Change(verb, zone, vm, query.RequestId, mustBeOff: false, (_, _) => { }, it => project.Detach(it, device ?? ""));
        }

        var body = await BodyAsync(context).ConfigureAwait(false);
        return verb switch
        {
            "setMachineType" => project.Change(verb, zone, vm, query.RequestId, mustBeOff: true, (_, _) => { }, it =>
                it.Document["machineType"] = project.Link(zone, "machineTypes", FakeInstance.Last((string)body["machineType"]!))),
            "setScheduling" => project.Change(verb, zone, vm, query.RequestId, mustBeOff: body.ContainsKey("provisioningModel"), (_, _) => { }, it =>
                Merge(it.Document["scheduling"]!.AsObject(), body)),
            "setMetadata" => project.Change(verb, zone, vm, query.RequestId, mustBeOff: false, (_, document) => Match(document["metadata"]!, body), it =>
                Replace(it.Document, "metadata", body)),
            "setDiskAutoDelete" => project.Change(verb, zone, vm, query.RequestId, mustBeOff: false, (_, _) => { }, it =>
                it.Disks.First(disk => (string?)disk["deviceName"] == device)["autoDelete"] = autoDelete),
            "attachDisk" => project.Change(verb, zone, vm, query.RequestId, mustBeOff: false, (it, _) => Free(it.Zone, body), it => project.Attach(it, body)),
            _ => throw GceRefusalException.NotFound(context.Request.Path),
        };
    }

    private void Free(string zone, JsonObject attached)
    {
        var disk = project.NeedDisk(FakeProject.PlaceOf(zone, (string)attached["source"]!), FakeInstance.Last((string)attached["source"]!));
        if (!project.Trouble.AllowsTwoHolders && disk["users"]!.AsArray() is { Count: > 0 } users)
        {
            throw GceRefusalException.InUse((string)disk["selfLink"]!, (string)users[0]!);
        }
    }

    private static void Match(JsonNode current, JsonObject given)
    {
        if ((string?)given["fingerprint"] != (string?)current["fingerprint"])
        {
            throw GceRefusalException.StaleFingerprint();
        }
    }

    private static void Merge(JsonObject into, JsonObject from)
    {
        foreach (var (key, value) in from)
        {
            into[key] = value?.DeepClone();
        }
    }

    private static void Replace(JsonObject document, string key, JsonObject value)
    {
        document[key] = value;
        value["fingerprint"] = Convert.ToBase64String(Guid.NewGuid().ToByteArray()[..8]);
    }

    private async Task<JsonObject> WaitAsync(string zone, string name, CancellationToken cancellationToken)
    {
        var operation = project.Operation(zone, name);
        await Task.WhenAny(operation.Ended.Task, Task.Delay(LongestWait, time, cancellationToken)).ConfigureAwait(false);
        return project.Describe(operation);
    }

    private static async Task<JsonObject> BodyAsync(HttpContext context) =>
        (await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted).ConfigureAwait(false) ?? throw GceRefusalException.Invalid("No body.")).AsObject();

    private sealed class Asked(HttpRequest request)
    {
        public string? this[string key] => request.Query.TryGetValue(key, out var value) ? value.ToString() : null;

        public string? RequestId => this["requestId"] is not { } text ? null
            : Guid.TryParse(text, out var id) && id != Guid.Empty ? text
            : throw GceRefusalException.Invalid($"Invalid value for field 'requestId': '{text}'.");
    }
}
