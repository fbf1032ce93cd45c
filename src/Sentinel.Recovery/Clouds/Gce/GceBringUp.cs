using System.Text.Json.Nodes;
using Sentinel.Recovery.Clouds.Gce.Wire;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>
/// One attempt to bring a VM up, as it is at home or as something else. What it is now and where is read from the cloud
/// each time: nothing that was written down before could know better. Every request bears an id that follows from the
/// attempt, so that a repeat does nothing twice.
/// </summary>
internal sealed partial class GceBringUp
{
    private readonly GceClient _client;
    private readonly InstanceName _vm;
    private readonly GceWishes _wishes;
    private readonly Func<JsonObject, Task<bool>> _keep;
    private readonly Guid _requestId;
    private readonly Func<string, GceOperation, CancellationToken, Task<CloudOutcome>> _follow;
    private readonly GceDisks _disks;
    private readonly CancellationToken _cancel;
    private readonly Dictionary<string, JsonObject> _found = [];
    private JsonObject? _memory;

    /// <param name="vm">Its name at home.</param>
    /// <param name="memory">What it was like when it last ran as it should; null if that is not known.</param>
    /// <param name="keep">Writes down what it is like; false: it could not be written.</param>
    /// <param name="follow">Follows an operation of a zone to its end.</param>
    public GceBringUp(
        GceClient client, InstanceName vm, GceWishes wishes, JsonObject? memory, Func<JsonObject, Task<bool>> keep, Guid requestId,
        Func<string, GceOperation, CancellationToken, Task<CloudOutcome>> follow, CancellationToken cancellationToken)
    {
        (_client, _vm, _wishes, _memory, _keep, _requestId, _follow, _cancel) = (client, vm, wishes, memory, keep, requestId, follow, cancellationToken);
        _disks = new(client, requestId, follow);
        Zone = vm.Zone;
    }

    /// <summary>Where it is, as far as was found out.</summary>
    public string Zone { get; private set; }

    /// <summary>Whether every zone has answered, so that <see cref="Zone"/> is more than a guess.</summary>
    public bool IsSought { get; private set; }

    /// <summary>Looks for it wherever it may be. If it is in several zones, it is where it runs, or ran last.</summary>
    /// <returns>Why nothing is known; null if it was found, or is known not to be.</returns>
    public async Task<GceRefusal?> FindAsync()
    {
        _found.Clear();
        var last = GceDescription.Last((string?)_memory?["zone"] ?? "");

        // where it last was counts also when the configuration does not name that zone any more: its data is there
        string[] known = last.Length > 0 ? [last] : [];
        foreach (var zone in _wishes.OtherZones.Prepend(_vm.Zone).Concat(known).Distinct())
        {
            var answer = await _client.DescriptionAsync(zone, _vm.Name, _cancel).ConfigureAwait(false);
            if (answer.Value is { } description)
            {
                _found[zone] = description;
            }
            else if (answer.Refusal is { Result: not CloudResult.NotFound } refusal)
            {
                return refusal;
            }
        }

        var best = _found.OrderByDescending(found => !IsDown(found.Value)).ThenBy(found => GceDescription.IsShell(found.Value)).ThenByDescending(found => StartOf(found.Value)).FirstOrDefault();

        // What a move with copies left behind is no home any more, also when the VM that has the copies is gone.
        var isLeft = best.Value is not null && GceDescription.IsShell(best.Value) && last.Length > 0 && last != best.Key
            && GceDescription.Disks(_memory!).Any(disk => GceDisks.ZoneOf((string?)disk["source"] ?? "") == last);
        Zone = best.Key is null || isLeft ? (last.Length > 0 ? last : _vm.Zone) : best.Key;
        IsSought = true;
        return null;
    }

    /// <param name="from">How it is made again if it is gone; null: it is not.</param>
    public async Task<CloudOutcome> RunAsync(GceForm form, Recreation? from)
    {
        if (await FindAsync().ConfigureAwait(false) is { } refusal)
        {
            return OutcomeOf(refusal);
        }

        if (!_found.TryGetValue(Zone, out var it))
        {
            return from is null ? new(CloudResult.NotFound, $"there is no VM {_vm.Name} in {Zone}") : await MakeAsync(form, from).ConfigureAwait(false);
        }

        switch (GceDescription.Status(it))
        {
            case "RUNNING":
                return new(CloudResult.Already, "it runs already");
            case "PROVISIONING" or "STAGING":
                return await DoAsync(Zone, "start", "start").ConfigureAwait(false);
            case "SUSPENDED":
                return await DoAsync(Zone, "resume", "start").ConfigureAwait(false);
            case "TERMINATED" or "STOPPED" when form.Zone is not null && form.Zone != Zone:
                return await MoveAsync(it, form).ConfigureAwait(false);
            case "TERMINATED" or "STOPPED":
                return form.Zone is not null ? new(CloudResult.Misconfigured, $"it is in {Zone} already")
                    : await ReshapeAsync(it, form).ConfigureAwait(false) is { IsGood: false } obstacle ? obstacle
                    : await DoAsync(Zone, "start", "start").ConfigureAwait(false);
            case var status:
                return new(CloudResult.NotReady, $"it is {status}");
        }
    }

    private static bool IsDown(JsonObject it) => GceDescription.Status(it) is "TERMINATED" or "STOPPED" or "SUSPENDED";

    private static DateTimeOffset StartOf(JsonObject it) =>
        DateTimeOffset.TryParse((string?)it["lastStartTimestamp"] ?? (string?)it["creationTimestamp"], System.Globalization.CultureInfo.InvariantCulture, out var at) ? at : default;

    private static CloudOutcome OutcomeOf(GceRefusal refusal) => new(refusal.Result, refusal.Detail);

    /// <summary>Makes it what it is to be: what an earlier attempt left is undone as well.</summary>
    private async Task<CloudOutcome> ReshapeAsync(JsonObject it, GceForm form)
    {
        if (await RegainDisksAsync(it, Zone, DisksOf(it)).ConfigureAwait(false) is { IsGood: false } held)
        {
            return held;
        }

        var type = GceDescription.MachineType(it);
        var wanted = form.MachineType ?? (_wishes.IsFallbackType(type) && _memory is not null ? GceDescription.MachineType(_memory) : type);
        if (wanted != type
            && await ChangeAsync(Zone, "setMachineType", "", new JsonObject { ["machineType"] = $"zones/{Zone}/machineTypes/{wanted}" }).ConfigureAwait(false) is { IsGood: false } refused)
        {
            return refused;
        }

        if (_wishes.IsSpotAtHome && GceDescription.IsOnDemand(it) != form.OnDemand)
        {
            return await ChangeAsync(Zone, "setScheduling", "", SchedulingOf(form)).ConfigureAwait(false);
        }

        return new(CloudResult.Done, "");
    }

    private JsonObject SchedulingOf(GceForm form) => form.OnDemand ? GceDescription.OnDemand() : GceDescription.Spot(_memory?["scheduling"]?.AsObject());

    private async Task<CloudOutcome> DoAsync(string zone, string verb, string part)
    {
        var asked = await _client.DoAsync(zone, _vm.Name, verb, RequestId.Part(_requestId, $"{zone} {part}"), _cancel).ConfigureAwait(false);
        return asked.Refusal is { } refusal ? OutcomeOf(refusal) : await _follow(zone, asked.Value!, _cancel).ConfigureAwait(false);
    }

    private async Task<CloudOutcome> ChangeAsync(string zone, string verb, string query, JsonObject body)
    {
        var part = RequestId.Part(_requestId, $"{zone} {verb} {query} {body.ToJsonString()}");
        var asked = await _client.ChangeAsync(zone, _vm.Name, verb, query, body, part, _cancel).ConfigureAwait(false);
        return asked.Refusal is { } refusal ? OutcomeOf(refusal) : await _follow(zone, asked.Value!, _cancel).ConfigureAwait(false);
    }
}
