namespace Sentinel.Testing.FakeGce;

/// <summary>What turns VMs on and off.</summary>
public sealed partial class FakeProject
{
    /// <summary>The cloud takes a spot VM: 30 s of STOPPING, then TERMINATED or gone, and the news of it a little late.</summary>
    public void Preempt(string zone, string instance)
    {
        lock (_lock)
        {
            var vm = Need(zone, instance);
            if (vm.Status != "RUNNING")
            {
                throw new InvalidOperationException($"{instance} is {vm.Status}");
            }

            vm.IsPreempted = true;
            _noticed?.Invoke(vm);
            if (timing.Notice > TimeSpan.Zero)
            {
                After(timing.Notice, vm, () => Take(vm));
            }
            else
            {
                Take(vm);
            }
        }
    }

    /// <summary>The VM's host fails: off at once.</summary>
    public void FailHost(string zone, string instance) => Drop(zone, instance, "compute.instances.hostError", "Instance terminated by Compute Engine.");

    /// <summary>The VM's host is taken for maintenance.</summary>
    public void TakeHostForMaintenance(string zone, string instance) =>
        Drop(zone, instance, "compute.instances.terminateOnHostMaintenance", "Instance terminated during Compute Engine maintenance event.");

    /// <summary>The guest shuts itself down.</summary>
    public void ShutDownGuest(string zone, string instance) => Drop(zone, instance, "compute.instances.guestTerminate", "Guest OS initiated shutdown.");

    /// <summary>A person stops a VM in the console.</summary>
    public void StopByPerson(string zone, string instance)
    {
        lock (_lock)
        {
            StopLocked(zone, instance, null, "alice@example.com");
        }
    }

    /// <summary>A person deletes a VM in the console.</summary>
    public void DeleteByPerson(string zone, string instance)
    {
        lock (_lock)
        {
            DeleteLocked(zone, instance, null, "alice@example.com");
        }
    }

    /// <summary>Told of each VM whose metadata server begins to say that it is preempted.</summary>
    public void OnNotice(Action<FakeInstance> noticed) => _noticed = noticed;

    private Action<FakeInstance>? _noticed;

    internal FakeOperation Start(string zone, string instance, string? requestId)
    {
        lock (_lock)
        {
            if (Repeated(requestId) is { } known)
            {
                return known;
            }

            var vm = Need(zone, instance);
            return vm.Status switch
            {
                "TERMINATED" or "STOPPED" when !vm.HasBootDisk => throw GceRefusalException.Invalid("Invalid value for field 'resource.disks': ''. Boot disk must be specified."),
                "TERMINATED" or "STOPPED" => Begin("start", zone, vm.Link, vm.Id, requestId, operation => Provision(vm, operation, isNew: false)),
                "RUNNING" or "PROVISIONING" or "STAGING" => Begin("start", zone, vm.Link, vm.Id, requestId, operation => End(operation)),
                "SUSPENDED" => throw GceRefusalException.Invalid("Instance is suspended and must be resumed."),
                _ => throw GceRefusalException.NotReady($"projects/{name}/zones/{zone}/instances/{instance}"),
            };
        }
    }

    internal FakeOperation Resume(string zone, string instance, string? requestId)
    {
        lock (_lock)
        {
            if (Repeated(requestId) is { } known)
            {
                return known;
            }

            var vm = Need(zone, instance);
            return vm.Status == "SUSPENDED"
                ? Begin("resume", zone, vm.Link, vm.Id, requestId, operation => Provision(vm, operation, isNew: false))
                : throw GceRefusalException.Invalid("Instance is not suspended.");
        }
    }

    internal FakeOperation Stop(string zone, string instance, string? requestId, string verb)
    {
        lock (_lock)
        {
            return verb == "suspend" ? SuspendLocked(zone, instance, requestId) : StopLocked(zone, instance, requestId, null);
        }
    }

    internal FakeOperation Reset(string zone, string instance, string? requestId)
    {
        lock (_lock)
        {
            var vm = Need(zone, instance);
            return vm.Status != "RUNNING" ? throw GceRefusalException.NotReady($"projects/{name}/zones/{zone}/instances/{instance}") : Begin("reset", zone, vm.Link, vm.Id, requestId, operation =>
            {
                guests.PowerOff(vm);
                vm.Starts++;
                vm.Status = "RUNNING";
                Write(vm);
                After(timing.Boot, vm, () => guests.Boot(vm));
                End(operation);
            });
        }
    }

    private void Take(FakeInstance vm)
    {
        vm.Status = "STOPPING";
        After(timing.EventLag, () => AddSystemEvent(vm, "compute.instances.preempted", "Instance was preempted."));
        After(timing.Stop, vm, () =>
        {
            TurnOff(vm);
            if (vm.IsDeletedWhenPreempted)
            {
                Forget(vm);
            }
        });
    }

    private void Drop(string zone, string instance, string type, string message)
    {
        lock (_lock)
        {
            var vm = Need(zone, instance);
            TurnOff(vm);
            AddSystemEvent(vm, type, message);
        }
    }

    private FakeOperation StopLocked(string zone, string instance, string? requestId, string? user)
    {
        if (Repeated(requestId) is { } known)
        {
            return known;
        }

        var vm = Need(zone, instance);
        return Begin("stop", zone, vm.Link, vm.Id, requestId, operation =>
        {
            if (vm.Status is not "RUNNING")
            {
                End(operation);
                return;
            }

            vm.Status = "STOPPING";
            After(timing.Stop, vm, () =>
            {
                TurnOff(vm);
                End(operation);
            });
        }, user);
    }

    private FakeOperation SuspendLocked(string zone, string instance, string? requestId)
    {
        var vm = Need(zone, instance);
        return Begin("suspend", zone, vm.Link, vm.Id, requestId, operation =>
        {
            vm.Status = "SUSPENDING";
            After(timing.Stop, vm, () =>
            {
                TurnOff(vm);
                vm.Status = "SUSPENDED";
                vm.Document["lastSuspendedTimestamp"] = FakeOperation.Stamp(time.GetUtcNow());
                End(operation);
            });
        });
    }

    private FakeOperation DeleteLocked(string zone, string instance, string? requestId, string? user)
    {
        if (Repeated(requestId) is { } known)
        {
            return known;
        }

        var vm = Need(zone, instance);
        return Begin("delete", zone, vm.Link, vm.Id, requestId, operation =>
        {
            vm.Status = "STOPPING";
            After(timing.Stop, vm, () =>
            {
                TurnOff(vm);
                Forget(vm);
                End(operation);
            });
        }, user);
    }

    /// <summary>Looks for capacity for a while; then the VM runs, or the operation ends with what was missing.</summary>
    private void Provision(FakeInstance vm, FakeOperation operation, bool isNew)
    {
        if (!vm.HasBootDisk)
        {
            End(operation, new OperationFault("RESOURCE_NOT_READY", "The boot disk was detached meanwhile.", 400));
            return;
        }

        if (!isNew && vm.Status is not ("TERMINATED" or "STOPPED" or "SUSPENDED"))
        {
            // an earlier request is at it
            End(operation);
            return;
        }

        var before = vm.Status;
        vm.Status = isNew ? "PROVISIONING" : "STAGING";
        After(timing.Provision, vm, () =>
        {
            if (Trouble.Starving(vm.Zone, vm.MachineType, vm.Provisioning) is { } fault)
            {
                vm.Status = before;
                if (isNew)
                {
                    Undo(vm);
                }

                End(operation, fault);
                return;
            }

            if (!isNew && Trouble.Lying(vm.Name))
            {
                vm.Status = before;
                End(operation);
                return;
            }

            vm.Status = "RUNNING";
            vm.Starts++;
            vm.IsPreempted = false;
            Write(vm);
            vm.Document["lastStartTimestamp"] = FakeOperation.Stamp(time.GetUtcNow());
            End(operation);
            After(timing.Boot, vm, () => guests.Boot(vm));
        });
    }

    /// <summary>A VM that runs writes to its disks; what its boot disk held before is what it goes on with.</summary>
    private void Write(FakeInstance vm)
    {
        var disks = vm.Disks.Select(disk => $"{PlaceOf(vm.Zone, (string)disk["source"]!)}/{FakeInstance.Last((string)disk["source"]!)}").ToArray();
        vm.StartedWith = disks.Length == 0 ? 0 : _contents.GetValueOrDefault(disks[0]);
        vm.Content = ++_lastContent;
        Array.ForEach(disks, disk => _contents[disk] = vm.Content);
    }

    private void TurnOff(FakeInstance vm)
    {
        guests.PowerOff(vm);
        vm.Status = "TERMINATED";
        vm.Document["lastStopTimestamp"] = FakeOperation.Stamp(time.GetUtcNow());
    }
}
