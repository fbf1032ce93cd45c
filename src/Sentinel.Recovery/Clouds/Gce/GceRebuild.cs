using System.Text.Json.Nodes;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>What is sent to have a VM made again, once it is sure that nobody else holds its disks.</summary>
internal static class GceRebuild
{
    /// <summary>The body of the request, or why it must not be sent.</summary>
    public static async Task<(JsonObject? Body, CloudOutcome? Obstacle)> DrawAsync(
        GceClient client, InstanceName vm, Recreation from, CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["name"] = vm.Name };
        if (from.DataDisks.Count == 0)
        {
            return (body, null);
        }

        var template = await client.TemplateAsync(from.Template, cancellationToken).ConfigureAwait(false);
        if (template.Refusal is { } refusal)
        {
            // A template that does not exist is no VM that does not exist: a person must mend it.
            return (null, new(refusal.Result is CloudResult.NotFound ? CloudResult.Misconfigured : refusal.Result, refusal.Detail));
        }

        // Disks in the request take the place of all of the template's.
        var disks = (template.Value!["properties"]?["disks"] as JsonArray)?.DeepClone().AsArray() ?? [];
        foreach (var name in from.DataDisks)
        {
            var disk = await client.DiskAsync(vm.Zone, name, cancellationToken).ConfigureAwait(false);
            if (disk.Refusal is { } missing)
            {
                return (null, new(missing.Result is CloudResult.NotFound ? CloudResult.Misconfigured : missing.Result, missing.Detail));
            }

            if (disk.Value!.Users is { Count: > 0 } users)
            {
                return (null, new(CloudResult.NotReady, $"the disk {name} is held by {users[0]}"));
            }

            if (disk.Value.Status is not "READY")
            {
                return (null, new(CloudResult.NotReady, $"the disk {name} is {disk.Value.Status}"));
            }

            disks.Add((JsonNode)new JsonObject
            {
                ["source"] = $"zones/{vm.Zone}/disks/{name}",
                ["deviceName"] = name,
                ["autoDelete"] = false,
                ["boot"] = false,
            });
        }

        body["disks"] = disks;
        return (body, null);
    }
}
