using Sentinel.Backends;
using Sentinel.Certificates;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay.Kernel;
using Sentinel.Jump;
using Sentinel.Jump.Addresses;
using Sentinel.Recovery;
using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Recovery.Outages;
using Sentinel.Service.Alerts;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>The whole file.</summary>
internal sealed class SentinelShape : ObjectShape<SentinelConfiguration>
{
    public static readonly Key<AdminSettings> Admin = Key.Optional("admin", new AdminShape(),
        "Where status, metrics and the commands of operators are served.");

    private static readonly Key<string> Schema = Key.Optional("$schema", Forms.AnyText,
        "Where an editor finds the schema of this file. Not read by the daemon.");

    private static readonly Key<string> Name = Key.Optional("name",
        new TextShape<string>("a name: " + GivenName.Expected, (text, _) => GivenName.IsRight(text) ? text : Refusal.Plain) { Pattern = GivenName.Pattern },
        "This sentinel's name, in logs, metrics and leases. Default: the host name.");

    private static readonly Key<string> StateDirectory = Key.Optional("stateDirectory", Forms.Directory,
        "Certificates, account keys, outage records, SSH files. Created with mode 0700. Default: $STATE_DIRECTORY, else /var/lib/sentinel.");

    private static readonly Key<GceSettings> Clouds = Key.Optional("clouds", new CloudsShape(), "How to reach each provider of VMs.");

    private static readonly Key<OutagePolicy> Recovery = Key.Optional("recovery", new RecoveryShape(isOverride: false),
        "How an outage is handled; each key may be overridden in a backend's own recovery.");

    private static readonly Key<EquatableList<BackendSettings>> Backends = Key.Required("backends",
        new MapShape<BackendSettings>("backends", new BackendShape(), NameKind.Backend, atLeast: 1),
        "The VMs, or anything else that answers on an address, by name.");

    private static readonly Key<EquatableList<PoolDefinition>> Pools = Key.Required("pools",
        new MapShape<PoolDefinition>("pools", new PoolShape(), NameKind.Pool),
        "Groups of backends by name, and how one is picked.");

    private static readonly Key<EquatableList<ListenerSettings>> Listeners = Key.Required("listeners",
        new MapShape<ListenerSettings>("listeners", new ListenerShape(), NameKind.None),
        "What is accepted, and where it goes, by name.");

    private static readonly Key<CertificateSettings> Certificates = Key.Optional("certificates", new CertificatesShape(), "Certificates of listeners: where they come from.");

    private static readonly Key<JumpSettings> Ssh = Key.Optional("ssh", new SshShape(), "The SSH jump host, its users and where they are placed.");

    private static readonly Key<EquatableList<WebhookSettings>> Alerts = Key.Optional("alerts", new AlertsShape(), "Who is told when something happens.");

    private static readonly Key<TelemetrySettings> Telemetry = Key.Optional("telemetry", new TelemetryShape(), "Logs and export.");

    /// <summary><c>recovery</c> stands before <c>backends</c>, which begin from it.</summary>
    public override IReadOnlyList<Key> Keys { get; } = [Schema, Name, StateDirectory, Admin, Clouds, Recovery, Backends, Pools, Listeners, Certificates, Ssh, Alerts, Telemetry];

    public override IReadOnlyList<LaterKey> Later => NotYet.TopLevel;

    protected override string Noun => "the file";

    protected override void Check(Fields fields)
    {
        if (!fields.Has(Admin))
        {
            AdminShape.NoteDefaultBind(fields.Reading);
        }

        CheckChallenge(fields);
        CheckTunnels(fields);
        if (fields.Try(Ssh, out var ssh) && ssh is not null && fields.Get(Backends, []).Count > StableAddress.Room(ssh.Addresses))
        {
            fields.Fail(Ssh, "a larger network in ssh.jump.addresses", $"{fields.Get(Backends).Count} backends, and addresses for {StableAddress.Room(ssh.Addresses)} of them in {ssh.Addresses}");
        }

        foreach (var listener in fields.Get(Listeners, []).Where(listener => listener.Engine == RelayEngine.Kernel))
        {
            var pool = fields.Get(Pools, []).FirstOrDefault(pool => pool.Id == listener.Pool);
            if (pool is not null && KernelLimits.Refusal(pool) is { } refusal)
            {
                var listeners = (ObjectNode)fields.Written(Listeners)!;
                var node = ListenerShape.EngineOf((ObjectNode)listeners.Members.First(member => member.Name == listener.Name).Value);
                fields.Reading.Fail(node, node.Describe(), $"a pool that it can pick from: {refusal}");
            }
        }
    }

    /// <summary>A name that nobody is there to prove would fail for ever.</summary>
    private static void CheckChallenge(Fields fields)
    {
        if (!fields.Try(Certificates, out var certificates) || certificates?.Acme is not { Names.Count: > 0 } acme || !fields.Try(Listeners, out var listeners))
        {
            return;
        }

        var (needed, isThere) = acme.Challenge switch
        {
            ChallengeKind.Http01 => ("http", listeners.Any(listener => listener.Protocol == ListenerProtocol.Http)),
            ChallengeKind.TlsAlpn01 => ("tls or https", listeners.Any(listener => listener.Protocol is ListenerProtocol.Tls or ListenerProtocol.Https)),
            _ => ("", true),
        };
        if (!isThere)
        {
            var word = CertificateText.WordOf(acme.Challenge);
            fields.Fail(Certificates, $"a listener of protocol {needed}, on which the authority can look at the names, or another certificates.acme.challenge", $"\"challenge\": \"{word}\" and no such listener");
        }
    }

    /// <summary>Nobody listens for a tunnel but the jump host's sshd, and a key that two VMs show would tell neither from the other.</summary>
    private static void CheckTunnels(Fields fields)
    {
        var owners = new Dictionary<string, BackendId>();
        foreach (var (id, tunnel) in fields.Get(Backends, []).Where(backend => backend.Definition.Tunnel is not null).Select(backend => (backend.Definition.Id, backend.Definition.Tunnel!)))
        {
            if (fields.IsMissing(Ssh))
            {
                fields.Fail(Ssh, $"the section of the sshd to which {id} connects, such as \"ssh\": {{}}");
                return;
            }

            foreach (var key in tunnel.Keys.Where(key => !owners.TryAdd(key, id)))
            {
                fields.Fail(Backends, "a key of its own for each tunnel", $"one key in the tunnels of {owners[key]} and {id}");
            }
        }
    }

    protected override SentinelConfiguration Build(Fields fields) => new()
    {
        Name = fields.Get(Name, fields.Reading.Environment.HostName),
        StateDirectory = fields.Get(StateDirectory, DefaultStateDirectory(fields.Reading.Environment)),
        Admin = fields.OrNull(Admin) ?? new(),
        Alerts = fields.OrNull(Alerts) ?? [],
        Telemetry = fields.OrNull(Telemetry) ?? new(),
        Gce = fields.OrNull(Clouds) ?? new(),
        Backends = fields.Get(Backends),
        Pools = fields.Get(Pools),
        Listeners = fields.Get(Listeners),
        Certificates = fields.OrNull(Certificates),
        Ssh = fields.OrNull(Ssh),
    };

    /// <summary>systemd.exec(5), StateDirectory=: several are separated by colons, the first is ours.</summary>
    private static string DefaultStateDirectory(ConfigurationEnvironment environment) =>
        environment.Get("STATE_DIRECTORY") is { } given ? (OperatingSystem.IsWindows() ? given : given.Split(':')[0])
        : OperatingSystem.IsWindows() ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "Sentinel")
        : "/var/lib/sentinel";
}
