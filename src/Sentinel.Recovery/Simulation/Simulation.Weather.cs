using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Simulation;

/// <summary>What the cloud does to VMs, and what watching them costs.</summary>
public sealed partial class Simulation
{
    private void NextPreemption(SimulatedVm vm)
    {
        if (_settings.PreemptionsPerDay > 0)
        {
            At(_now + Wait(TimeSpan.FromDays(1) / _settings.PreemptionsPerDay / 2), () =>
            {
                // Thinned: all of what is drawn at noon, none at midnight, half on average.
                var hour = (_now - Start).TotalHours % 24;
                if (_random.NextDouble() < (1 - Math.Cos(hour / 12 * Math.PI)) / 2)
                {
                    Preempt(vm);
                }

                NextPreemption(vm);
            });
        }
    }

    private void NextZoneEvent(int zone)
    {
        if (_settings.ZoneEventsPerWeek > 0)
        {
            At(_now + Wait(TimeSpan.FromDays(7) / _settings.ZoneEventsPerWeek), () =>
            {
                foreach (var vm in _vms.Where(vm => vm.Zone == zone && _random.Next(2) == 0))
                {
                    At(_now + TimeSpan.FromSeconds(_random.Next(60)), () => Preempt(vm));
                }

                NextZoneEvent(zone);
            });
        }
    }

    private void NextDrought(int zone)
    {
        if (_settings.DroughtsPerWeek > 0)
        {
            At(_now + Wait(TimeSpan.FromDays(7) / _settings.DroughtsPerWeek), () =>
            {
                _droughts[zone]++;
                At(_now + Wait(_settings.Drought), () => _droughts[zone]--);
                NextDrought(zone);
            });
        }
    }

    private void Follow(TraceEntry entry)
    {
        switch (entry.What)
        {
            case TraceEvent.Preempted when entry.Subject < _vms.Length:
                Preempt(_vms[entry.Subject]);
                break;
            case TraceEvent.CapacityGone when entry.Subject < _droughts.Length:
                _droughts[entry.Subject] = 1;
                break;
            case TraceEvent.CapacityBack when entry.Subject < _droughts.Length:
                _droughts[entry.Subject] = 0;
                break;
        }
    }

    private void Preempt(SimulatedVm vm)
    {
        if (!vm.Runs || vm.IsOnDemand)
        {
            return;
        }

        _preemptions++;
        var run = vm.Run;

        // Seen at the next look, somewhere within the interval; from then on it is looked at every second.
        var seen = _now + (_settings.WatchInterval * _random.NextDouble());
        At(seen, () => Apply(vm, new InstanceStopping(_now, new(run), OutageCause.Unknown)));
        var look = seen > _quickUntil[vm.Zone] ? seen : _quickUntil[vm.Zone];
        for (; look < _now + _settings.Stop; look += Quick)
        {
            _calls.Watch(look, Pages(vm.Zone));
        }

        _quickUntil[vm.Zone] = look;

        At(_now + _settings.Stop + (Quick * _random.NextDouble()), () =>
        {
            if (vm.Runs && vm.Run == run)
            {
                Stop(vm, OutageCause.Preempted);
            }
        });
    }

    private void Stop(SimulatedVm vm, OutageCause cause)
    {
        if (vm.Runs)
        {
            TurnOff(vm);
            Apply(vm, new InstanceStopped(_now, new(vm.Run), cause, _now, cause.ToName()));
        }
    }

    private void TurnOff(SimulatedVm vm)
    {
        if (vm.Runs)
        {
            vm.Runs = false;
            _ran += _now - vm.RunsSince;
            _onDemand += vm.IsOnDemand ? _now - vm.RunsSince : TimeSpan.Zero;
        }
    }

    private void WatchZones()
    {
        var rounds = Math.Max(1, (int)(TimeSpan.FromMinutes(1) / _settings.WatchInterval));
        for (var zone = 0; zone < _settings.Zones; zone++)
        {
            _calls.Watch(_now, rounds * (Pages(zone) + 1));
        }

        At(_now + TimeSpan.FromMinutes(1), WatchZones);
    }

    private int Pages(int zone) => 1 + (((_vms.Length / _settings.Zones) - 1 + (zone < _vms.Length % _settings.Zones ? 1 : 0)) / ListPage);

    private TimeSpan Wait(TimeSpan mean) => mean * -Math.Log(1 - _random.NextDouble());
}
