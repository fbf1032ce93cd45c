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
            var drawn = await DrawAsync(disk, origin, target).ConfigureAwait(false);
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

    /// <summary>
    /// The VM stays where it is, off and without its disks, and another one of its name runs elsewhere: with the disks that
    /// are regional, and with copies of the others. Without its disks it cannot be started where it was, whoever tries.
    /// </summary>
    private async Task<CloudOutcome> MoveAsync(JsonObject it, GceForm form)
    {
        var (origin, target) = (Zone, form.Zone!);
        var attached = DisksOf(it);
        var shell = _found.GetValueOrDefault(target);
        if (attached.Count == 0)
        {
            return new(CloudResult.Misconfigured, "it has no disks, and nothing is known of those that it had: attach them again by hand");
        }

        var copied = attached.Select(disk => (string?)disk["source"] ?? "").Where(link => !GceDisks.IsRegional(link)).Select(GceDescription.Last).ToArray();
        if (!form.FromSnapshot && copied.Length > 0)
        {
            return new(CloudResult.Misconfigured, $"its disk {copied[0]} is in {origin} only: make it regional, or set fromSnapshot");
        }

        if (shell is not null && (copied.Length > 0 || !IsDown(shell)))
        {
            return new(CloudResult.Misconfigured, $"a VM {_vm.Name} is in {target} already, {GceDescription.Status(shell)}: delete it, or its disks would be forgotten");
        }

        if (!await RememberAsync(it, attached).ConfigureAwait(false))
        {
            return new(CloudResult.Misconfigured, "what it is like cannot be written to the state directory, and its disks are not taken off it before that");
        }

        var body = GceDescription.ToRequest(it, target);
        (body["name"], body["disks"]) = (_vm.Name, new JsonArray());
        if (_wishes.IsSpotAtHome && GceDescription.IsOnDemand(it))
        {
            body["scheduling"] = SchedulingOf(form);
        }

        foreach (var disk in attached)
        {
            if (await DetachAsync(it, origin, disk).ConfigureAwait(false) is { IsGood: false } refused)
            {
                return refused;
            }

            var drawn = GceDisks.IsRegional((string?)disk["source"] ?? "")
                ? await _disks.AttachAsync(disk, origin, _cancel).ConfigureAwait(false)
                : await _disks.CopyAsync(disk, origin, _vm.Name, _cancel).ConfigureAwait(false);
            if (drawn.Obstacle is { } obstacle)
            {
                return obstacle;
            }

            body["disks"]!.AsArray().Add((JsonNode)drawn.Disk!);
        }

        return shell is not null ? await ReviveAsync(shell, target, attached).ConfigureAwait(false)
            : await InsertCopiesAsync(origin, target, body, copied).ConfigureAwait(false);
    }

    /// <summary>One of its name is there already, off: it gets the disks.</summary>
    private async Task<CloudOutcome> ReviveAsync(JsonObject shell, string target, IReadOnlyList<JsonObject> disks)
    {
        Zone = target;
        return await RegainDisksAsync(shell, target, disks).ConfigureAwait(false) is { IsGood: false } held ? held
            : await DoAsync(target, "start", "start").ConfigureAwait(false);
    }

    private async Task<CloudOutcome> InsertCopiesAsync(string origin, string target, JsonObject body, IReadOnlyList<string> copied)
    {
        var insert = RequestId.Part(_requestId, $"{target} insert");
        if (await HandOverAsync(origin, target, insert, copied).ConfigureAwait(false) is { IsGood: false } refused)
        {
            return refused;
        }

        var outcome = await InsertAsync(target, null, body).ConfigureAwait(false);
        if (outcome.IsGood)
        {
            if (await _client.DescriptionAsync(target, _vm.Name, _cancel).ConfigureAwait(false) is { Value: { } made })
            {
                _memory = GceDescription.AtHome(made, _wishes, _memory);
                _memory[GceDescription.Sources] = new JsonObject();
                await _keep(_memory).ConfigureAwait(false);
            }
        }
        else if (outcome.Result is not (CloudResult.Fault or CloudResult.NotReady))
        {
            // It failed for certain; otherwise the next attempt finds out.
            await TakeBackAsync(origin, insert, copied).ConfigureAwait(false);
        }

        return outcome;
    }

    /// <summary>All disks that it is to have: what it has, unless a move took some.</summary>
    private List<JsonObject> DisksOf(JsonObject it) =>
        _memory is not null && GceDescription.Last((string?)_memory["zone"] ?? "") == Zone && ((bool?)_memory[GceDescription.Away] is true || GceDescription.IsShell(it))
            ? [.. GceDescription.Disks(_memory)]
            : GceDescription.IsShell(it) && _memory is not null
            ? [.. GceDescription.Disks(_memory).Where(disk => GceDisks.IsRegional((string?)disk["source"] ?? ""))]
            : [.. GceDescription.Disks(it)];

    /// <summary>Writes down what it is like before its disks are taken off it: the API forgets which they were.</summary>
    private Task<bool> RememberAsync(JsonObject it, IReadOnlyList<JsonObject> disks)
    {
        var description = GceDescription.AtHome(it, _wishes, _memory);
        description["disks"] = new JsonArray([.. disks.Select(disk => disk.DeepClone())]);
        description[GceDescription.Away] = true;
        description[GceDescription.Sources] = _memory?[GceDescription.Sources]?.DeepClone() ?? new JsonObject();
        _memory = description;
        return _keep(description);
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

    /// <summary>A disk for a VM that is made again. Copies are made of what is there: of a VM that is off, not of one that is gone.</summary>
    private async Task<GceDrawn> DrawAsync(JsonObject disk, string origin, string target)
    {
        var link = (string?)disk["source"] ?? "";
        var place = GceDisks.ZoneOf(link) ?? origin;
        return GceDisks.IsRegional(link) || place == target ? await _disks.AttachAsync(disk, place, _cancel).ConfigureAwait(false)
            : new CloudOutcome(CloudResult.Misconfigured, $"its disk {GceDescription.Last(link)} is in {place} only, and {_vm.Name} is gone: it can be made again there");
    }

    /// <summary>Disks that a move took come back. None is used that has a copy which may have been written to.</summary>
    private async Task<CloudOutcome> RegainDisksAsync(JsonObject it, string zone, IReadOnlyList<JsonObject> wanted)
    {
        var there = GceDescription.Disks(it).Select(disk => GceDescription.Last((string?)disk["source"] ?? "")).ToHashSet();
        foreach (var disk in wanted)
        {
            var link = (string?)disk["source"] ?? "";
            var name = GceDescription.Last(link);
            var isZonal = !GceDisks.IsRegional(link);
            var isThere = there.Contains(name);
            if (isZonal && (!isThere || _wishes.MayBeCopied) && await ReclaimAsync(zone, name).ConfigureAwait(false) is { IsGood: false } gone)
            {
                return gone;
            }

            if (isThere)
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

            if (isZonal && await ReadDiskAsync(zone, name).ConfigureAwait(false) is var now && (now.Value is null || GceHandover.Of(now.Value) is { } mark && mark.Zone != zone))
            {
                return new(CloudResult.NotReady, $"the disk {name} is on its way elsewhere");
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
