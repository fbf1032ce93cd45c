using System.Text.Json;
using System.Text.Json.Nodes;
using Sentinel.Backends;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Recovery.Clouds.Gce.Wire;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Recording;
using Sentinel.Testing.FakeGce;

namespace Sentinel.Recovery.Tests.Worlds;

/// <summary>
/// One sentinel of a world: the step, the record, and the provider's own way to bring VMs up, without clocks and threads.
/// What it has on disk outlives it.
/// </summary>
internal sealed class WorldSentinel : IDisposable
{
    private readonly CloudWorld _world;
    private readonly RecoveryMeter _meter = new();
    private readonly Queue<Func<Task>> _requests = [];
    private readonly Dictionary<string, StopEvidence> _evidence = [];
    private readonly GceWishes _wishes;
    private GceClient _client = null!;
    private string? _record;
    private string? _description;
    private string? _describedAs;
    private string _place = CloudWorldShape.Home;
    private GceInstance? _seen;
    private DateTimeOffset? _puzzledSince;
    private bool _isBusy;
    private int _life;

    public WorldSentinel(CloudWorld world, string name)
    {
        (_world, Name) = (world, name);
        _wishes = new(world.Shape.Policy.Fallbacks);
        Begin();
    }

    public string Name { get; }

    /// <summary>Null while no daemon runs.</summary>
    public OutageState? State { get; private set; }

    /// <summary>Where it looks for the VM; null while it does not know.</summary>
    public string Place => _place;

    public int Life => _life;

    /// <summary>Whether it could make this one again, should it go.</summary>
    public bool HasDescribed(FakeInstance vm) => (string?)Memory?["id"] == vm.Id.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Killed; nothing of it happens any more. What was on disk is what the next one begins with.</summary>
    public void Crash()
    {
        _world.Tell($"! {Name} is killed");
        _life++;
        State = null;
    }

    /// <summary>The state directory is lost too.</summary>
    public void Forget()
    {
        _world.Tell($"! {Name} loses its state");
        (_record, _description) = (null, null);
    }

    /// <summary>A daemon begins, with what the one before wrote down.</summary>
    public void Begin()
    {
        var life = ++_life;
        _client = new(new GceSettings { Project = "test-project", Endpoint = new("http://world"), RequestsPerMinute = _world.Ceiling, Credentials = new(GceCredentialKind.None) }, _meter, _world.Time, new CloudWire(_world, Name, () => _life == life));
        _requests.Clear();
        _evidence.Clear();
        (_isBusy, _seen, _puzzledSince, _describedAs) = (false, null, null, null);
        var open = _record is null ? null : JsonSerializer.Deserialize(_record, RecordJson.Default.OutageRecord)!.ToOutage();
        _place = "";
        Settle(life);
        Take(OutageStep.Begin(new BackendId("spot-1"), _world.Now, open is { ClosedAt: null } ? open : null));
    }

    public void Apply(OutageEvent e)
    {
        if (State is not null)
        {
            _world.Heard(this, e);
            var decision = _world.Step(State, e, _world.Shape.Policy);
            if (decision.Effects.Length > 0 || decision.State.Phase.GetType() != State.Phase.GetType())
            {
                _world.Tell($"> {Name} {(_world.Now - CloudWorld.Start).TotalSeconds:0.###}s {e}");
            }

            Take(decision);
        }
    }

    /// <summary>Looks at the VM where it takes it to be; null where nothing can be said.</summary>
    public OutageEvent? Look(Func<string, bool> isHidden)
    {
        if (_place.Length == 0 || State is null)
        {
            return null;
        }

        var now = _world.Now;
        var instance = _world.Read(_place);
        _seen = instance ?? _seen;
        if (!_evidence.TryGetValue(_place, out var evidence))
        {
            _evidence[_place] = evidence = new(_world.Time);
        }

        foreach (var operation in _world.Operations(_place).Where(operation => !isHidden(operation.Id)))
        {
            evidence.Add(operation);
        }

        var run = _seen is { } seen ? GceVm.RunOf(seen) : default;
        switch (instance?.Status)
        {
            case "RUNNING":
                _puzzledSince = null;
                Describe(instance);
                return new InstanceRunning(now, run, instance.NetworkInterfaces[0].NetworkIP, instance.Scheduling?.ProvisioningModel == "STANDARD");
            case "PROVISIONING" or "STAGING":
                return null;
            case "STOPPING":
                return new InstanceStopping(now, run, Why()?.Cause ?? OutageCause.Unknown);
        }

        _puzzledSince ??= now;
        if (Why() is not { } why)
        {
            if (now - _puzzledSince < TimeSpan.FromSeconds(15))
            {
                return new InstanceStopping(now, run, OutageCause.Unknown);
            }

            why = (OutageCause.Unknown, "nothing says why");
        }

        return new InstanceStopped(now, run, instance is null && why.Cause is OutageCause.Unknown && _seen is null ? OutageCause.Deleted : why.Cause, null, why.Detail, IsGone: instance is null);

        (OutageCause Cause, string Detail)? Why() => _seen is { } known ? evidence.Find(known.Id, GceVm.StartOf(known), RequestId.ForStop(CloudWorldShape.Vm, run)) : null;
    }

    public void Dispose()
    {
        _client.Dispose();
        _meter.Dispose();
    }

    private void Describe(GceInstance instance)
    {
        if (_describedAs == GceVm.LookOf(instance))
        {
            return;
        }

        _describedAs = GceVm.LookOf(instance);
        var description = GceDescription.AtHome(_world.Describe(_place), _wishes, Memory);
        description[GceDescription.Sources] = new JsonObject();
        Keep(description);
    }

    private JsonObject? Memory => _description is null ? null : JsonNode.Parse(_description)!.AsObject();

    private bool Keep(JsonObject description)
    {
        var life = _life;
        if (_world.Point(this, "the description is written") || life != _life)
        {
            return true; // nobody is there any more to act on it
        }

        _description = description.ToJsonString();
        _world.Point(this, "the description was written");
        return true;
    }

    private void Take(Decision decision)
    {
        var life = _life;
        var before = State;
        State = decision.State;
        _world.Check(this, before, decision);
        if (decision.Ended is { } ended && !Write(ended, life))
        {
            return;
        }

        if (decision.State.Outage is { IsQuiet: false } outage && !ReferenceEquals(outage, before?.Outage) && !Write(outage, life))
        {
            return;
        }

        foreach (var effect in decision.Effects)
        {
            if (effect is Noted or TellPeople or Observe or ProbeNow)
            {
                _world.Tell($"    {effect}");
                continue;
            }

            if (_world.Point(this, $"{effect}") || life != _life)
            {
                return;
            }

            _world.Tell($"    {effect}");
            _requests.Enqueue(() => DoAsync(effect, life));
        }

        Next(life);
    }

    private bool Write(Outage outage, int life)
    {
        if (_world.Point(this, "the record is written") || life != _life)
        {
            return false;
        }

        _record = JsonSerializer.Serialize(OutageRecord.Of(new("spot-1"), CloudWorldShape.Vm.ToString(), outage), RecordJson.Default.OutageRecord);
        return !_world.Point(this, "the record was written") && life == _life;
    }

    /// <summary>One request at a time.</summary>
    private void Next(int life)
    {
        if (!_isBusy && _requests.TryDequeue(out var request))
        {
            _isBusy = true;
            _ = RunAsync(request, life);
        }
    }

    private async Task RunAsync(Func<Task> request, int life)
    {
        try
        {
            await request().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _world.Broken ??= e;
        }

        if (life == _life)
        {
            _isBusy = false;
            Next(life);
        }
    }

    private async Task DoAsync(OutageEffect effect, int life)
    {
        var vm = CloudWorldShape.Vm;
        var (ticket, outcome) = effect switch
        {
            StartInstance start => (start.Ticket, await BringUpAsync(default, null, RequestId.For(vm, "start", start.Ended, start.Attempt)).ConfigureAwait(false)),
            RecreateInstance again => (again.Ticket, await BringUpAsync(default, again.From, RequestId.For(vm, "recreate", again.Ended, again.Attempt)).ConfigureAwait(false)),
            FallBack fallback => (fallback.Ticket, await BringUpAsync(GceForm.Of(fallback.As), fallback.From, RequestId.For(vm, "fallback", fallback.Ended, fallback.Attempt)).ConfigureAwait(false)),
            StopInstance stop => (stop.Ticket, await DoAsync("stop", RequestId.ForStop(vm, stop.Running)).ConfigureAwait(false)),
            ResetInstance reset => (reset.Ticket, await DoAsync("reset", RequestId.For(vm, "reset", reset.Running, reset.Attempt)).ConfigureAwait(false)),
            _ => throw new InvalidOperationException(effect.ToString()),
        };
        if (life == _life)
        {
            _world.Later(this, outcome.IsGood
                ? () => new AttemptAccepted(_world.Now, ticket, outcome.Detail)
                : () => new AttemptRefused(_world.Now, ticket, BackendLoop.RefusalOf(outcome.Result), outcome.Detail));
        }
    }

    private async Task<CloudOutcome> BringUpAsync(GceForm form, Recreation? from, Guid requestId)
    {
        var life = _life;
        var attempt = Attempt(requestId);
        var outcome = await attempt.RunAsync(form, from).ConfigureAwait(false);
        if (life == _life && attempt.IsSought && attempt.Zone != _place)
        {
            (_place, _seen, _puzzledSince) = (attempt.Zone, null, null);
        }

        return outcome;
    }

    private async Task<CloudOutcome> DoAsync(string verb, Guid requestId)
    {
        var asked = await _client.DoAsync(_place, CloudWorldShape.Vm.Name, verb, requestId, CancellationToken.None).ConfigureAwait(false);
        return asked.Refusal is { } refusal ? new(refusal.Result, refusal.Detail) : await _client.FollowAsync(_place, asked.Value!, CancellationToken.None).ConfigureAwait(false);
    }

    private async void Settle(int life)
    {
        while (life == _life)
        {
            var search = Attempt(Guid.Empty);
            if (await search.FindAsync().ConfigureAwait(false) is null && life == _life)
            {
                _place = search.Zone;
                return;
            }


            await Task.Delay(TimeSpan.FromSeconds(5), _world.Time).ConfigureAwait(false);
        }
    }

    private GceBringUp Attempt(Guid requestId) => new(
        _client, CloudWorldShape.Vm, _wishes, Memory, description => Task.FromResult(Keep(description)), requestId, _client.FollowAsync, CancellationToken.None);
}
