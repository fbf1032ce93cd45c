using System.Text.Json.Nodes;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>Reads and rewrites descriptions of instances.</summary>
internal static class GceDescription
{
    /// <summary>Where, in a description that is kept, it stands what each disk was made of.</summary>
    public const string Sources = "sentinelDisks";

    /// <summary>Set, in a description that is kept, while disks are taken off the VM: what it has by then is not all that it had.</summary>
    public const string Away = "sentinelAway";

    /// <summary>What makes a VM what it is, and may be said when one is made. Everything else only the API may say.</summary>
    private static readonly string[] Kept =
    [
        "description", "labels", "tags", "metadata", "serviceAccounts", "scheduling", "canIpForward", "guestAccelerators", "minCpuPlatform", "shieldedInstanceConfig",
        "confidentialInstanceConfig", "advancedMachineFeatures", "reservationAffinity", "deletionProtection", "keyRevocationActionType",
    ];

    private static readonly string[] KeptOfInterface = ["network", "subnetwork", "aliasIpRanges", "nicType", "stackType", "queueCount"];

    public static string Last(string link) => link[(link.LastIndexOf('/') + 1)..];

    public static string Status(JsonObject vm) => (string?)vm["status"] ?? "";

    public static string MachineType(JsonObject vm) => Last((string?)vm["machineType"] ?? "");

    public static bool IsOnDemand(JsonObject vm) => (string?)vm["scheduling"]?["provisioningModel"] is not "SPOT" && (bool?)vm["scheduling"]?["preemptible"] is not true;

    public static string RegionOf(string zone) => zone[..zone.LastIndexOf('-')];

    public static IEnumerable<JsonObject> Disks(JsonObject vm) => (vm["disks"] as JsonArray)?.OfType<JsonObject>() ?? [];

    /// <summary>The names of its disks' links.</summary>
    public static HashSet<string> DiskLinks(JsonObject vm) => [.. Disks(vm).Select(disk => (string?)disk["source"] ?? "")];

    /// <summary>Whether it is off and cannot be started as it is: a move took its disks.</summary>
    public static bool IsShell(JsonObject vm) => Status(vm) is "TERMINATED" or "STOPPED" && !Disks(vm).Any(disk => (bool?)disk["boot"] is true);

    /// <summary>Such as a VM of this description would be asked for, without its disks.</summary>
    /// <param name="zone">Where.</param>
    public static JsonObject ToRequest(JsonObject vm, string zone)
    {
        var request = new JsonObject { ["machineType"] = $"zones/{zone}/machineTypes/{MachineType(vm)}" };
        foreach (var key in Kept)
        {
            if (vm[key] is { } value)
            {
                request[key] = value.DeepClone();
            }
        }

        // Fingerprints guard changes; addresses belong to whoever has them by now.
        (request["metadata"] as JsonObject)?.Remove("fingerprint");
        (request["tags"] as JsonObject)?.Remove("fingerprint");
        foreach (var accelerator in (request["guestAccelerators"] as JsonArray)?.OfType<JsonObject>() ?? [])
        {
            accelerator["acceleratorType"] = $"zones/{zone}/acceleratorTypes/{Last((string?)accelerator["acceleratorType"] ?? "")}";
        }

        request["networkInterfaces"] = new JsonArray([.. ((vm["networkInterfaces"] as JsonArray)?.OfType<JsonObject>() ?? []).Select(Interface)]);
        return request;
    }

    /// <summary>What a VM would be described as at home, though it is something else for the time being.</summary>
    /// <param name="before">How it was described before; null: it was not.</param>
    public static JsonObject AtHome(JsonObject vm, GceWishes wishes, JsonObject? before)
    {
        var description = vm.DeepClone().AsObject();
        if (before is not null && wishes.IsFallbackType(MachineType(vm)))
        {
            description["machineType"] = before["machineType"]?.DeepClone();
        }

        if (wishes.IsSpotAtHome && IsOnDemand(vm))
        {
            description["scheduling"] = Spot(before?["scheduling"]?.AsObject());
        }

        return description;
    }

    /// <summary>How a spot VM is scheduled.</summary>
    /// <param name="before">What it was when it was one; null: not known.</param>
    public static JsonObject Spot(JsonObject? before) => before?.DeepClone().AsObject() ?? new JsonObject
    {
        ["provisioningModel"] = "SPOT",
        ["preemptible"] = true,
        ["instanceTerminationAction"] = "STOP",
        ["automaticRestart"] = false,
        ["onHostMaintenance"] = "TERMINATE",
    };

    /// <summary>How one on demand is. Maintenance stops it as it would have stopped the spot VM, whatever it carries.</summary>
    public static JsonObject OnDemand() => new()
    {
        ["provisioningModel"] = "STANDARD",
        ["preemptible"] = false,
        ["instanceTerminationAction"] = null,
        ["automaticRestart"] = false,
        ["onHostMaintenance"] = "TERMINATE",
    };

    private static JsonNode Interface(JsonObject of)
    {
        var one = new JsonObject();
        foreach (var key in KeptOfInterface)
        {
            if (of[key] is { } value)
            {
                one[key] = value.DeepClone();
            }
        }

        if ((of["accessConfigs"] as JsonArray)?.Count > 0)
        {
            one["accessConfigs"] = new JsonArray(new JsonObject { ["type"] = "ONE_TO_ONE_NAT", ["name"] = "External NAT" });
        }

        return one;
    }
}
