using System.Text.Json.Nodes;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>Makes a VM where it is not, with its disks.</summary>
internal sealed partial class GceBringUp
{
    /// <summary>The VM is gone: another one takes its name.</summary>
    private async Task<CloudOutcome> MakeAsync(GceForm form, Recreation from)
    {
        var (origin, target) = (Zone, form.Zone ?? Zone);
        if (from.Template is null && _memory is null)
        {
            return new(CloudResult.Misconfigured, $"nothing is known of what {_vm.Name} was like: set recreate.template, or make it by hand");
        }

        var body = from.Template is null ? GceDescription.ToRequest(_memory!, target) : [];
        body["name"] = _vm.Name;
        if (form.MachineType is { } type)
        {
            body["machineType"] = $"zones/{target}/machineTypes/{type}";
        }

        if (form.OnDemand)
        {
            body["scheduling"] = SchedulingOf(form);
        }

        JsonArray disks = [];
        if (from is { Template: { } template, DataDisks.Count: > 0 })
        {
            var read = await _client.TemplateAsync(template, _cancel).ConfigureAwait(false);
            if (read.Refusal is { } refusal)
            {
                return new(refusal.Result is CloudResult.NotFound ? CloudResult.Misconfigured : refusal.Result, refusal.Detail);
            }

            // Disks in the request take the place of all of the template's.
            disks = (read.Value!["properties"]?["disks"] as JsonArray)?.DeepClone().AsArray() ?? [];
        }

        var attached = from.Template is null ? GceDescription.Disks(_memory!).ToList() : [];
        attached.AddRange(from.DataDisks.Where(name => !attached.Any(disk => GceDescription.Last((string?)disk["source"] ?? "") == name))
            .Select(name => new JsonObject { ["source"] = $"zones/{origin}/disks/{name}" }));
        foreach (var disk in attached)
        {
            var drawn = await DrawAsync(disk, origin, target, form.FromSnapshot, (string?)_memory?["lastStartTimestamp"] ?? "").ConfigureAwait(false);
            if (drawn is { Obstacle.Result: CloudResult.Misconfigured } && (bool?)disk["autoDelete"] is true && from.Template is null)
            {
                drawn = GceDisks.Renew(disk, _memory![GceDescription.Sources]?[GceDescription.Last((string?)disk["source"] ?? "")]?.AsObject(), target);
            }

            if (drawn.Obstacle is { } obstacle)
            {
                // Another sentinel may have been quicker: then the disk is where it belongs.
                return obstacle.Result is CloudResult.NotReady && await FindAsync().ConfigureAwait(false) is null && _found.Count > 0
                    ? await RunAsync(form, null).ConfigureAwait(false)
                    : obstacle;
            }

            disks.Add((JsonNode)drawn.Disk!);
        }

        if (disks.Count > 0)
        {
            body["disks"] = disks;
        }

        return await InsertAsync(target, from.Template, body).ConfigureAwait(false);
    }

    /// <summary>The VM stays where it is, off and without the disks that go along, and another one of its name runs elsewhere.</summary>
    private async Task<CloudOutcome> MoveAsync(JsonObject it, GceForm form)
    {
        var (origin, target) = (Zone, form.Zone!);
        var attached = GceDescription.Disks(GceDescription.Disks(it).Any() || _memory is null ? it : _memory).ToArray();
        var shell = _found.GetValueOrDefault(target);
        if (attached.Length == 0)
        {
            return new(CloudResult.Misconfigured, "it has no disks");
        }

        if (!form.FromSnapshot && attached.FirstOrDefault(disk => !GceDisks.IsRegional((string?)disk["source"] ?? "")) is { } zonal)
        {
            return new(CloudResult.Misconfigured, $"its disk {GceDescription.Last((string?)zonal["source"] ?? "")} is in {origin} only: make it regional, or set fromSnapshot");
        }

        if (shell is not null && (form.FromSnapshot || !IsDown(shell)))
        {
            return new(CloudResult.Misconfigured, $"a VM {_vm.Name} is in {target} already, {GceDescription.Status(shell)}: delete it, or its disks would be forgotten");
        }

        var body = GceDescription.ToRequest(it, target);
        (body["name"], body["disks"]) = (_vm.Name, new JsonArray());
        if (_wishes.IsSpotAtHome && GceDescription.IsOnDemand(it))
        {
            body["scheduling"] = SchedulingOf(form);
        }

        foreach (var disk in attached)
        {
            if (!form.FromSnapshot && await DetachAsync(it, origin, disk).ConfigureAwait(false) is { IsGood: false } refused)
            {
                return refused;
            }

            var drawn = await DrawAsync(disk, origin, target, form.FromSnapshot, (string?)it["lastStartTimestamp"] ?? "").ConfigureAwait(false);
            if (drawn.Obstacle is { } obstacle)
            {
                return obstacle;
            }

            body["disks"]!.AsArray().Add((JsonNode)drawn.Disk!);
        }

        if (shell is null)
        {
            return await InsertAsync(target, null, body).ConfigureAwait(false);
        }

        Zone = target;
        return await RegainDisksAsync(shell, target, attached).ConfigureAwait(false) is { IsGood: false } held ? held
            : await DoAsync(target, "start", "start").ConfigureAwait(false);
    }

    private async Task<CloudOutcome> InsertAsync(string zone, string? template, JsonObject body)
    {
        var asked = await _client.InsertAsync(zone, template, body, RequestId.Part(_requestId, $"{zone} insert"), _cancel).ConfigureAwait(false);
        var outcome = asked.Refusal is { } refusal ? OutcomeOf(refusal) : await _follow(zone, asked.Value!, _cancel).ConfigureAwait(false);
        if (outcome.IsGood)
        {
            Zone = zone;
        }

        return outcome;
    }

    private async Task<GceDrawn> DrawAsync(JsonObject disk, string origin, string target, bool fromSnapshot, string stop)
    {
        var link = (string?)disk["source"] ?? "";
        return origin == target || (!fromSnapshot && GceDisks.IsRegional(link)) ? await _disks.AttachAsync(disk, origin, _cancel).ConfigureAwait(false)
            : fromSnapshot && !GceDisks.IsRegional(link) ? await _disks.CopyAsync(disk, origin, stop, _cancel).ConfigureAwait(false)
            : new CloudOutcome(CloudResult.Misconfigured, $"its disk {GceDescription.Last(link)} cannot be had in {target}: {(fromSnapshot ? "it is regional, leave fromSnapshot out" : $"it is in {origin} only, set fromSnapshot")}");
    }

    /// <summary>Disks that went along to another zone in an earlier attempt come back.</summary>
    private async Task<CloudOutcome> RegainDisksAsync(JsonObject it, string zone, IReadOnlyList<JsonObject>? wanted = null)
    {
        var there = GceDescription.Disks(it).Select(disk => GceDescription.Last((string?)disk["source"] ?? "")).ToHashSet();
        foreach (var disk in (wanted ?? [.. _memory is null ? [] : GceDescription.Disks(_memory)]).Where(disk => GceDisks.IsRegional((string?)disk["source"] ?? "")))
        {
            if (there.Contains(GceDescription.Last((string)disk["source"]!)))
            {
                continue;
            }

            foreach (var (other, holder) in _found.Where(found => found.Key != zone && IsDown(found.Value)))
            {
                if (await DetachAsync(holder, other, disk).ConfigureAwait(false) is { IsGood: false } refused)
                {
                    return refused;
                }
            }

            var drawn = await _disks.AttachAsync(disk, zone, _cancel).ConfigureAwait(false);
            if (drawn.Obstacle is { } obstacle)
            {
                return obstacle;
            }

            if (await ChangeAsync(zone, "attachDisk", "", drawn.Disk!).ConfigureAwait(false) is { IsGood: false } failed)
            {
                return failed;
            }
        }

        return new(CloudResult.Done, "");
    }

    /// <summary>Takes a disk away from one of ours that is off. The API refuses it for one that runs by then.</summary>
    private async Task<CloudOutcome> DetachAsync(JsonObject holder, string zone, JsonObject disk)
    {
        var source = GceDescription.Last((string?)disk["source"] ?? "");
        var held = GceDescription.Disks(holder).FirstOrDefault(attached => GceDescription.Last((string?)attached["source"] ?? "") == source);
        return held is null ? new(CloudResult.Already, "")
            : await ChangeAsync(zone, "detachDisk", $"&deviceName={Uri.EscapeDataString((string?)held["deviceName"] ?? source)}", []).ConfigureAwait(false);
    }
}
