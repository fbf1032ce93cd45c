using Sentinel.Backends;
using Sentinel.Recovery;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Watching;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>One of <c>backends</c>.</summary>
internal sealed class BackendShape : ObjectShape<BackendSettings>
{
    /// <summary>A child process has no address of its own: it listens on this machine.</summary>
    private const string ProcessAddress = "127.0.0.1";

    private static readonly BackendDefinition Defaults = new() { Id = default };

    private static readonly Key<InstanceName> Instance = Key.Optional("instance",
        new TextShape<InstanceName>(InstanceText.Expected, InstanceText.Parse) { Noted = TakeInstance, Pattern = InstanceText.Pattern },
        "The VM to watch and start: process/NAME is a child process of the daemon, gce/ZONE/NAME a VM of Compute Engine. Without one the backend is watched and never started.");

    private static readonly Key<string> Address = Key.Optional("address", new TextShape<string>(HostAddress.Expected, HostAddress.Parse),
        "IP address or host name. Default: the instance's internal address; 127.0.0.1 for a process.");

    private static readonly Key<EquatableList<string>> Command = Key.Optional("command",
        new ListShape<string>("words", Forms.AnyText, atLeast: 1, first: new TextShape<string>(ProgramFile.Expected, ProgramFile.Parse)),
        "What a process instance runs: program and arguments, no shell.");

    private static readonly Key<string> WorkingDirectory = Key.Optional("workingDirectory", Forms.ExistingDirectory,
        "Where the command runs. Default: where the daemon runs.");

    private static readonly Key<EquatableList<KeyValuePair<string, string>>> Variables = Key.Optional("environment", new VariablesShape(),
        "Variables that the command gets besides the daemon's own.");

    private static readonly Key<HealthSettings> Health = Key.Optional("health", new HealthShape(),
        "How its health is found out. Without it an instance is healthy while it runs, and anything else always is.");

    private static readonly Key<int> Priority = Key.Default("priority", new WholeNumberShape<int>("a whole number", -1_000_000, 1_000_000), Defaults.Priority,
        "Policy activeStandby: the lowest that is healthy is active.");

    private static readonly Key<int> Weight = Key.Default("weight", new WholeNumberShape<int>("a weight", 1, 10_000), Defaults.Weight,
        "Policies leastConnections, roundRobin and clientAffinity: its share of the traffic.");

    private static readonly Key<int> Capacity = Key.Optional("capacity", Forms.Limit, "Most users that placement may put here. Default: no limit.");

    private static readonly Key<EquatableList<string>> Networks = Key.Default("networks",
        new ListShape<string>("networks", new TextShape<string>(Network.Expected, Network.Parse), distinct: true), Defaults.Networks,
        "Container networks behind it. Two backends may have the same one.");

    private static readonly Key<TunnelDefinition> Tunnel = Key.Optional("tunnel", new TunnelShape(),
        "How a VM that cannot be reached connects out to the sentinel's sshd. Its address is then one of the sentinel's own.");

    private static readonly Key<BackendPrices> Prices = Key.Optional("prices", new PricesShape(),
        "What the VM costs, in any one currency: cost and savings are estimated in status and in outages.");

    private static readonly Key<OutagePolicy> Recovery = Key.Optional("recovery", new RecoveryShape(isOverride: true),
        "Overrides the file's recovery, key by key.");

    public override IReadOnlyList<Key> Keys { get; } =
        [Instance, Address, Command, WorkingDirectory, Variables, Health, Priority, Weight, Capacity, Networks, Tunnel, Prices, Recovery];

    protected override string Noun => "a backend";

    protected override void Check(Fields fields)
    {
        var instanceIsClear = fields.Try(Instance, out var instance) || fields.IsMissing(Instance);
        var isProcess = fields.Has(Instance) && InstanceText.IsProcess(instance);
        if (fields.IsMissing(Instance) && fields.IsMissing(Address) && fields.IsMissing(Tunnel))
        {
            fields.Fail("neither address nor instance", "an address, an instance, or both");
        }

        if (fields.Has(Tunnel) && fields.Has(Address))
        {
            fields.Fail(Address, "no address beside \"tunnel\": the sentinel gives the VM one of its own", "an address for a VM that connects out");
        }

        if (instanceIsClear && isProcess && fields.IsMissing(Command))
        {
            fields.Fail(Command, $"what {instance} runs, such as [\"/usr/bin/python3\", \"-m\", \"http.server\", \"8080\"]");
        }

        foreach (var key in instanceIsClear && !isProcess ? new Key[] { Command, WorkingDirectory, Variables } : [])
        {
            if (fields.Has(key))
            {
                fields.Fail(key, $"\"instance\": \"process/NAME\" beside it, or no {key.Name}", $"{key.Name} for a backend that is no process");
            }
        }
    }

    protected override BackendSettings Build(Fields fields)
    {
        var instance = fields.OrNone(Instance);
        return new()
        {
            Definition = new()
            {
                Id = new(fields.Node.Name),
                Instance = instance?.ToString(),
                Address = fields.OrNull(Address) ?? (instance is { } it && InstanceText.IsProcess(it) ? ProcessAddress : null),
                Priority = fields.Get(Priority),
                Weight = fields.Get(Weight),
                Capacity = fields.OrNone(Capacity),
                Networks = fields.Get(Networks),
                Tunnel = fields.OrNull(Tunnel),
            },
            Instance = instance,
            Process = fields.OrNull(Command) is { } command
                ? new() { Command = command, WorkingDirectory = fields.OrNull(WorkingDirectory), Environment = fields.OrNull(Variables) ?? [] }
                : null,
            Health = fields.OrNull(Health),
            Prices = fields.OrNull(Prices),
            Policy = (fields.OrNull(Recovery) ?? fields.Reading.Recovery) with { CanStart = instance is not null },
        };
    }

    private static void TakeInstance(InstanceName instance, SourceNode node, Checks.Reading reading)
    {
        if (reading.Names.Take(instance.ToString(), node) is { } owner)
        {
            reading.Fail(node, $"{node.Describe()}, which {owner.Path} starts already", "a VM that no other backend starts");
        }
    }
}
