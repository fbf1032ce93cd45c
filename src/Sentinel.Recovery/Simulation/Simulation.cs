using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Simulation;

/// <summary>
/// Runs the step that the daemon runs against a cloud of a few rules, in virtual time. Nothing is random but what the seed
/// says. Checks are not simulated one by one: a VM that boots passes its first ones as soon as it answers.
/// </summary>
public sealed partial class Simulation
{
    private const int ListPage = 500;
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Quick = TimeSpan.FromSeconds(1);

    private readonly SimulationSettings _settings;
    private readonly OutagePolicy _policy;
    private readonly Random _random;
    private readonly PriorityQueue<Action, (DateTimeOffset At, long Order)> _agenda = new();
    private readonly SimulatedVm[] _vms;
    private readonly int[] _droughts;
    private readonly int[] _serving;
    private readonly DateTimeOffset[] _quickUntil;
    private readonly DateTimeOffset[] _poolUpSince;
    private readonly CallBudget _calls;
    private readonly List<double> _outages = [];
    private readonly DateTimeOffset _end;
    private DateTimeOffset _now = Start;
    private TimeSpan _served;
    private TimeSpan _poolServed;
    private TimeSpan _ran;
    private TimeSpan _onDemand;
    private long _order;
    private int _preemptions;

    private Simulation(SimulationSettings settings)
    {
        _settings = settings;
        _policy = settings.Policy with { CanStart = true, Probed = true };
        _random = new Random(settings.Seed);
        _end = Start + settings.Span;
        _calls = new(settings.RequestsPerMinute, Start);
        _droughts = new int[settings.Zones];
        _quickUntil = new DateTimeOffset[settings.Zones];
        _vms = [.. Enumerable.Range(0, settings.Vms).Select(i => new SimulatedVm(i, i % settings.Zones, i / settings.PoolSize, Start))];
        _serving = new int[_vms[^1].Pool + 1];
        _poolUpSince = new DateTimeOffset[_serving.Length];
    }

    /// <summary>Runs to the end.</summary>
    public static SimulationReport Run(SimulationSettings settings, CancellationToken cancellationToken = default)
    {
        var simulation = new Simulation(settings);
        simulation.Begin();
        while (simulation._agenda.TryDequeue(out var what, out var when) && when.At <= simulation._end)
        {
            cancellationToken.ThrowIfCancellationRequested();
            simulation._now = when.At;
            what();
        }

        return simulation.Report();
    }

    private void Begin()
    {
        foreach (var vm in _vms)
        {
            Apply(vm, new InstanceRunning(_now, new(vm.Run)));
            Answer(vm, _now);
        }

        WatchZones();
        if (_settings.Trace.Count > 0)
        {
            foreach (var entry in _settings.Trace)
            {
                At(Start + entry.At, () => Follow(entry));
            }

            return;
        }

        foreach (var vm in _vms)
        {
            NextPreemption(vm);
        }

        for (var zone = 0; zone < _settings.Zones; zone++)
        {
            NextZoneEvent(zone);
            NextDrought(zone);
        }
    }

    private SimulationReport Report()
    {
        _now = _end;
        foreach (var vm in _vms)
        {
            Show(vm, serves: false);
            TurnOff(vm);
        }

        _outages.Sort();
        return new()
        {
            VmAvailability = _served / (_settings.Span * _vms.Length),
            PoolAvailability = _poolServed / (_settings.Span * _serving.Length),
            Outages = _outages.Count,
            Preemptions = _preemptions,
            MedianSeconds = Percentile(0.5),
            P95Seconds = Percentile(0.95),
            P99Seconds = Percentile(0.99),
            WorstSeconds = Percentile(1),
            Requests = _calls.Total,
            RequestsAtWorst = _calls.Worst,
            VmHours = _ran.TotalHours,
            OnDemandHours = _onDemand.TotalHours,
            DownAtEnd = _vms.Count(vm => !vm.State.IsServing),
        };
    }

    private double Percentile(double share) => _outages.Count == 0 ? 0 : Math.Round(_outages[Math.Min(_outages.Count - 1, (int)(share * _outages.Count))], 1);

    private void At(DateTimeOffset at, Action what) => _agenda.Enqueue(what, (at > _now ? at : _now, _order++));

    private void Apply(SimulatedVm vm, OutageEvent e)
    {
        var decision = OutageStep.Apply(vm.State, e, _policy);
        vm.State = decision.State;
        Show(vm, vm.State.IsServing);
        if (decision.Ended is { } ended)
        {
            _outages.Add(ended.Duration!.Value.TotalSeconds);
        }

        foreach (var effect in decision.Effects)
        {
            switch (effect)
            {
                case StartInstance start:
                    BringUp(vm, start.Ticket, onDemand: false, canStarve: true);
                    break;
                case FallBack { As: Fallback.OnDemand } fallback:
                    BringUp(vm, fallback.Ticket, onDemand: true, canStarve: false);
                    break;
                case FallBack fallback:
                    // Another type or zone is another market: half of the shortages reach it too.
                    BringUp(vm, fallback.Ticket, onDemand: false, canStarve: _random.Next(2) == 0);
                    break;
                case StopInstance stop:
                    var ticket = stop.Ticket;
                    At(_calls.Take(_now, 2) + _settings.Stop, () =>
                    {
                        Stop(vm, OutageCause.Ours);
                        Apply(vm, new AttemptAccepted(_now, ticket, "done"));
                    });
                    break;
            }
        }

        if (OutageStep.NextDue(vm.State, _policy) is { } due && (vm.Due is null || due < vm.Due))
        {
            vm.Due = due;
            At(due, () =>
            {
                if (vm.Due == due)
                {
                    vm.Due = null;
                    Apply(vm, new Ticked(_now, 0));
                }
            });
        }
    }

    private void BringUp(SimulatedVm vm, long ticket, bool onDemand, bool canStarve)
    {
        // What a start costs: a look at the instance, the request, and the wait for its end.
        At(_calls.Take(_now, 3) + _settings.Provision, () =>
        {
            if (vm.Runs || !canStarve || _droughts[vm.Zone] == 0)
            {
                if (!vm.Runs)
                {
                    (vm.Runs, vm.RunsSince, vm.IsOnDemand) = (true, _now, onDemand);
                    vm.Run++;
                    var run = vm.Run;
                    At(_now + Quick, () =>
                    {
                        if (vm.Runs && vm.Run == run)
                        {
                            Apply(vm, new InstanceRunning(_now, new(run), OnDemand: vm.IsOnDemand));
                        }
                    });
                    Answer(vm, _now + _settings.Boot);
                }

                Apply(vm, new AttemptAccepted(_now, ticket, "done"));
            }
            else
            {
                Apply(vm, new AttemptRefused(_now, ticket, Refusal.NoCapacity, "no capacity"));
            }
        });
    }

    private void Answer(SimulatedVm vm, DateTimeOffset from)
    {
        var run = vm.Run;
        for (var pass = 0; pass < _policy.HealthyAfter; pass++)
        {
            At(from + (Quick * (pass + 1)), () =>
            {
                if (vm.Runs && vm.Run == run)
                {
                    Apply(vm, new ProbePassed(_now, _now));
                }
            });
        }
    }

    private void Show(SimulatedVm vm, bool serves)
    {
        if (serves == vm.Served)
        {
            return;
        }

        vm.Served = serves;
        if (serves)
        {
            vm.ServedSince = _now;
            if (_serving[vm.Pool]++ == 0)
            {
                _poolUpSince[vm.Pool] = _now;
            }
        }
        else
        {
            _served += _now - vm.ServedSince;
            if (--_serving[vm.Pool] == 0)
            {
                _poolServed += _now - _poolUpSince[vm.Pool];
            }
        }
    }
}
