using System.Globalization;
using System.Text.Json.Nodes;

namespace Sentinel.Testing.FakeGce;

/// <summary>
/// The state of one project, and everything that changes it. Time is a <see cref="TimeProvider"/>'s, so that a test may let
/// an hour pass at once. Thread-safe: one lock, under which guests are told as well.
/// </summary>
public sealed partial class FakeProject(string name, TimeProvider time, GceTiming timing, IGuests guests)
{
    internal const string Root = "https://www.googleapis.com/compute/v1";

    private readonly Lock _lock = new();
    private readonly Dictionary<string, FakeInstance> _instances = [];
    private readonly Dictionary<string, JsonObject> _disks = [];
    private readonly Dictionary<string, JsonObject> _templates = [];
    private readonly Dictionary<string, JsonObject> _snapshots = [];
    private readonly Dictionary<string, long> _contents = [];
    private readonly List<FakeOperation> _operations = [];
    private readonly List<ITimer> _timers = [];
    private ulong _lastId = 5_000_000_000_000_000_000;
    private int _lastAddress = 63;
    private long _lastContent;

    public string Name => name;

    /// <summary>What goes wrong.</summary>
    public GceTrouble Trouble { get; } = new();

    /// <summary>The account whose requests these are.</summary>
    public string Account { get; set; } = $"sentinel@{name}.iam.gserviceaccount.com";

    /// <summary>The first three numbers of the addresses that VMs get.</summary>
    public string Network { get; set; } = "10.130.0";

    public string Link(string zone, string kind, string item) => $"{Root}/projects/{name}/zones/{zone}/{kind}/{item}";

    /// <summary>A VM; null if there is none.</summary>
    public FakeInstance? Find(string zone, string instance)
    {
        lock (_lock)
        {
            return _instances.GetValueOrDefault($"{zone}/{instance}");
        }
    }

    /// <summary>All VMs of a name, wherever they are.</summary>
    public IReadOnlyList<FakeInstance> FindAll(string instance)
    {
        lock (_lock)
        {
            return [.. _instances.Values.Where(known => known.Name == instance)];
        }
    }

    /// <summary>The names of all disks, behind their zone or region.</summary>
    public IReadOnlyList<string> AllDisks
    {
        get
        {
            lock (_lock)
            {
                return [.. _disks.Keys];
            }
        }
    }

    /// <summary>A disk's document; null if there is none.</summary>
    public JsonObject? FindDisk(string zone, string disk)
    {
        lock (_lock)
        {
            return _disks.GetValueOrDefault($"{zone}/{disk}")?.DeepClone().AsObject();
        }
    }

    /// <summary>All operations so far, in order.</summary>
    public IReadOnlyList<FakeOperation> Operations
    {
        get
        {
            lock (_lock)
            {
                return [.. _operations];
            }
        }
    }

    /// <summary>A template that VMs can be made from: the properties of an instance.</summary>
    public void AddTemplate(string template, JsonObject properties)
    {
        lock (_lock)
        {
            _templates[template] = new JsonObject
            {
                ["kind"] = "compute#instanceTemplate",
                ["id"] = NewId().ToString(CultureInfo.InvariantCulture),
                ["name"] = template,
                ["selfLink"] = $"{Root}/projects/{name}/global/instanceTemplates/{template}",
                ["properties"] = properties,
            };
        }
    }

    internal JsonObject Template(string template)
    {
        lock (_lock)
        {
            return _templates.TryGetValue(FakeInstance.Last(template), out var found)
                ? found
                : throw GceRefusalException.NotFound($"projects/{name}/global/instanceTemplates/{FakeInstance.Last(template)}");
        }
    }

    internal JsonObject[] Templates()
    {
        lock (_lock)
        {
            return [.. _templates.Values.Select(template => template.DeepClone().AsObject())];
        }
    }

    internal JsonObject[] Instances(string? zone)
    {
        lock (_lock)
        {
            return
            [
                .. _instances.Values.Where(instance => (zone is null || instance.Zone == zone) && !Trouble.HidingInstance(instance.Name))
                    .Select(instance => instance.Document.DeepClone().AsObject()),
            ];
        }
    }

    internal JsonObject Instance(string zone, string instance)
    {
        lock (_lock)
        {
            return Need(zone, instance).Document.DeepClone().AsObject();
        }
    }

    internal JsonObject[] OperationDocuments(string? zone)
    {
        lock (_lock)
        {
            return [.. _operations.Where(operation => (zone is null || operation.Zone == zone) && !Trouble.HidingOperation(operation.Type)).Select(operation => operation.ToJson(name))];
        }
    }

    internal FakeOperation Operation(string zone, string operation)
    {
        lock (_lock)
        {
            return _operations.Find(known => known.Zone == zone && known.Name == operation)
                ?? throw GceRefusalException.NotFound($"projects/{name}/zones/{zone}/operations/{operation}");
        }
    }

    internal JsonObject Describe(FakeOperation operation)
    {
        lock (_lock)
        {
            return operation.ToJson(name);
        }
    }

    private FakeInstance Need(string zone, string instance) =>
        _instances.GetValueOrDefault($"{zone}/{instance}") ?? throw GceRefusalException.NotFound($"projects/{name}/zones/{zone}/instances/{instance}");

    private ulong NewId() => _lastId += 1 + ((_lastId * 2654435761) % 1_000_003);

    /// <summary>Does something later, unless the VM has changed by then.</summary>
    private void After(TimeSpan wait, FakeInstance instance, Action action)
    {
        var changes = instance.Changes;
        After(wait, () =>
        {
            if (instance.Changes == changes)
            {
                action();
            }
        });
    }

    private void After(TimeSpan wait, Action action)
    {
        ITimer? timer = null;
        timer = time.CreateTimer(
            _ =>
            {
                lock (_lock)
                {
                    _timers.Remove(timer!);
                    timer!.Dispose();
                    action();
                }
            },
            null,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        _timers.Add(timer);
        timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Begins an operation, or finds the one that the same request began before.</summary>
    private FakeOperation Begin(string type, string zone, string targetLink, ulong targetId, string? requestId, Action<FakeOperation> run, string? user = null)
    {
        if (requestId is not null && Repeated(requestId) is { } known)
        {
            return known;
        }

        var now = time.GetUtcNow();
        var operation = new FakeOperation
        {
            Name = $"operation-{now.ToUnixTimeMilliseconds()}-{NewId():x13}",
            Id = NewId(),
            Zone = zone,
            Type = type,
            TargetLink = targetLink,
            TargetId = targetId,
            User = user ?? Account,
            RequestId = requestId,
            InsertedAt = now,
        };
        _operations.Add(operation);
        After(timing.Accept, () =>
        {
            operation.StartedAt = time.GetUtcNow();
            run(operation);
        });
        return operation;
    }

    private FakeOperation? Repeated(string? requestId) =>
        requestId is null ? null : _operations.Find(operation => operation.RequestId == requestId && time.GetUtcNow() - operation.InsertedAt < TimeSpan.FromHours(1));

    private void End(FakeOperation operation, OperationFault? fault = null)
    {
        operation.Fault = fault;
        operation.EndedAt = time.GetUtcNow();
        operation.Ended.TrySetResult();
    }

    /// <summary>What the cloud did by itself, told after the fact.</summary>
    private void AddSystemEvent(FakeInstance instance, string type, string message)
    {
        var now = time.GetUtcNow();
        var operation = new FakeOperation
        {
            Name = $"systemevent-{now.ToUnixTimeMilliseconds()}-{NewId():x13}",
            Id = NewId(),
            Zone = instance.Zone,
            Type = type,
            TargetLink = instance.Link,
            TargetId = instance.Id,
            User = "system",
            StatusMessage = message,
            InsertedAt = now,
            StartedAt = now,
        };
        _operations.Add(operation);
        End(operation);
    }
}
