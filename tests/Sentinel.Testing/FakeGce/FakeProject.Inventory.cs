using System.Globalization;
using System.Text.Json.Nodes;

namespace Sentinel.Testing.FakeGce;

/// <summary>What makes, changes and removes VMs.</summary>
public sealed partial class FakeProject
{
    /// <summary>A VM that is there and runs already, as for a project in use.</summary>
    /// <param name="more">Added to, or put in place of, what a spot VM's document has.</param>
    public FakeInstance AddRunning(string zone, string instance, string? address = null, JsonObject? more = null)
    {
        lock (_lock)
        {
            var body = new JsonObject
            {
                ["name"] = instance,
                ["machineType"] = $"zones/{zone}/machineTypes/e2-small",
                ["disks"] = new JsonArray(new JsonObject
                {
                    ["boot"] = true,
                    ["autoDelete"] = true,
                    ["initializeParams"] = new JsonObject { ["sourceImage"] = "projects/debian-cloud/global/images/family/debian-12" },
                }),
                ["networkInterfaces"] = new JsonArray(new JsonObject { ["network"] = "global/networks/default" }),
                ["scheduling"] = new JsonObject
                {
                    ["provisioningModel"] = "SPOT",
                    ["preemptible"] = true,
                    ["instanceTerminationAction"] = "STOP",
                    ["automaticRestart"] = false,
                    ["onHostMaintenance"] = "TERMINATE",
                },
                ["metadata"] = new JsonObject { ["items"] = new JsonArray() },
                ["labels"] = new JsonObject(),
            };
            foreach (var (key, value) in more ?? [])
            {
                body[key] = value?.DeepClone();
            }

            var vm = Make(zone, body, address);
            vm.Status = "RUNNING";
            vm.Starts = 1;
            Write(vm);
            vm.Document["lastStartTimestamp"] = FakeOperation.Stamp(time.GetUtcNow());
            guests.Boot(vm);
            return vm;
        }
    }

    internal FakeOperation Insert(string zone, JsonObject body, string? template, string? requestId)
    {
        lock (_lock)
        {
            if (Repeated(requestId) is { } known)
            {
                return known;
            }

            var document = template is null ? new JsonObject() : Template(template)["properties"]!.DeepClone().AsObject();
            foreach (var (key, value) in body)
            {
                document[key] = value?.DeepClone();
            }

            var instance = (string?)document["name"] ?? throw GceRefusalException.Invalid("Invalid value for field 'resource.name': ''.");
            if (_instances.ContainsKey($"{zone}/{instance}"))
            {
                throw new GceRefusalException(409, "alreadyExists", $"The resource 'projects/{name}/zones/{zone}/instances/{instance}' already exists");
            }

            var vm = Make(zone, document, (string?)document["networkInterfaces"]?[0]?["networkIP"]);
            vm.Status = "PROVISIONING";
            return Begin("insert", zone, vm.Link, vm.Id, requestId, operation => Provision(vm, operation, isNew: true));
        }
    }

    internal FakeOperation Delete(string zone, string instance, string? requestId)
    {
        lock (_lock)
        {
            return DeleteLocked(zone, instance, requestId, null);
        }
    }

    /// <summary>Changes the document of a VM, when the operation is over.</summary>
    internal FakeOperation Change(string type, string zone, string instance, string? requestId, bool mustBeOff, Action<FakeInstance, JsonObject> check, Action<FakeInstance> change)
    {
        lock (_lock)
        {
            if (Repeated(requestId) is { } known)
            {
                return known;
            }

            var vm = Need(zone, instance);
            if (mustBeOff && vm.Status is not ("TERMINATED" or "STOPPED"))
            {
                throw new GceRefusalException(400, "resourceNotReady", "Instance must be in TERMINATED state to change it.");
            }

            check(vm, vm.Document);
            return Begin(type, zone, vm.Link, vm.Id, requestId, operation =>
            {
                lock (_lock)
                {
                    try
                    {
                        change(vm);
                    }
                    catch (GceRefusalException refusal)
                    {
                        // What was free when it was asked for may be taken when it is done.
                        End(operation, new OperationFault(refusal.Reason, refusal.Message, refusal.Status));
                        return;
                    }

                    vm.Document["fingerprint"] = Fingerprint();
                    End(operation);
                }
            });
        }
    }

    private FakeInstance Make(string zone, JsonObject body, string? address)
    {
        var document = body.DeepClone().AsObject();
        var instance = (string)document["name"]!;
        var given = document["disks"]?.AsArray().Select(disk => disk!.DeepClone().AsObject()).ToArray() ?? [];

        // Every disk is looked at before any is taken: a refused request changes nothing.
        foreach (var source in given.Select(disk => (string?)disk["source"]).OfType<string>())
        {
            if (!Trouble.AllowsTwoHolders && NeedDisk(PlaceOf(zone, source), FakeInstance.Last(source))["users"]!.AsArray() is { Count: > 0 } users)
            {
                throw GceRefusalException.InUse(source, (string)users[0]!);
            }
        }

        if (given.FirstOrDefault(disk => (string?)disk["initializeParams"]?["sourceSnapshot"] is { } from && !_snapshots.ContainsKey(FakeInstance.Last(from))) is not null)
        {
            throw GceRefusalException.Invalid("Invalid value for field 'resource.disks[0].initializeParams.sourceSnapshot': The referenced snapshot resource cannot be found.");
        }

        document["kind"] = "compute#instance";
        document["id"] = NewId().ToString(CultureInfo.InvariantCulture);
        document["creationTimestamp"] = FakeOperation.Stamp(time.GetUtcNow());
        document["zone"] = $"{Root}/projects/{name}/zones/{zone}";
        document["machineType"] = Link(zone, "machineTypes", FakeInstance.Last((string?)document["machineType"] ?? "e2-small"));
        document["selfLink"] = Link(zone, "instances", instance);
        document["status"] = "PROVISIONING";
        document["fingerprint"] = Fingerprint();
        document["labelFingerprint"] = Fingerprint();
        document["disks"] = new JsonArray();
        document["networkInterfaces"] ??= new JsonArray(new JsonObject { ["network"] = "global/networks/default" });
        document["networkInterfaces"]![0]!["networkIP"] = address ?? $"{Network}.{++_lastAddress}";
        document["networkInterfaces"]![0]!["name"] ??= "nic0";
        document["metadata"] ??= new JsonObject();
        document["metadata"]!["fingerprint"] = Fingerprint();
        var vm = new FakeInstance(document);
        _instances[$"{zone}/{instance}"] = vm;
        foreach (var disk in given)
        {
            if (disk["source"] is null)
            {
                var diskName = (string?)disk["initializeParams"]?["diskName"] ?? (disk["boot"] is { } boot && (bool)boot ? instance : $"{instance}-{vm.Disks.Count()}");
                MakeDisk(zone, diskName, 10, disk["initializeParams"]);
                vm.Made.Add($"{zone}/{diskName}");
                disk["source"] = Link(zone, "disks", diskName);
                disk.Remove("initializeParams");
            }

            Attach(vm, disk);
        }

        return vm;
    }

    private void Forget(FakeInstance vm)
    {
        _instances.Remove($"{vm.Zone}/{vm.Name}");
        foreach (var attached in vm.Disks)
        {
            Release(vm, attached);
            if ((bool?)attached["autoDelete"] == true)
            {
                _disks.Remove($"{vm.Zone}/{FakeInstance.Last((string)attached["source"]!)}");
            }
        }
    }

    /// <summary>An insert that starved leaves nothing behind, the disks included that were made for it.</summary>
    private void Undo(FakeInstance vm)
    {
        Forget(vm);
        vm.Made.ForEach(disk => _disks.Remove(disk));
    }

    private string Fingerprint() => Convert.ToBase64String(BitConverter.GetBytes(NewId()));
}
