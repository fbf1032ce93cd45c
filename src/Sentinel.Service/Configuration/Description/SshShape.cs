using System.Net;
using Sentinel.Backends;
using Sentinel.Jump;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>ssh</c>.</summary>
internal sealed class SshShape : ObjectShape<JumpSettings>
{
    private static readonly JumpSettings Defaults = new();

    private static readonly Key<EquatableList<IPEndPoint>> Bind = Key.Default("bind",
        new ListShape<IPEndPoint>("addresses", new TextShape<IPEndPoint>(ListenAddress.Expected, ListenAddress.ParseEndPoint)
        {
            Noted = (address, node, reading) => reading.Addresses.Add(new(address, null), node),
        }, atLeast: 1), Defaults.Bind,
        "Where the private sshd accepts users and tunnels.");

    private static readonly Key<string> Host = Key.Optional("host", new TextShape<string>(HostAddress.Expected, HostAddress.Parse),
        "The name or address by which users reach it, for sentinel ssh-config. Default: the sentinel's name.");

    private static readonly Key<JumpSettings> Jump = Key.Optional("jump", new JumpShape(), "The shared account through which users jump, and the addresses that backends have for them.");

    private static readonly Key<string> TunnelAccount = Key.Default("tunnelAccount", JumpShape.AccountName, Defaults.TunnelAccount,
        "The account to which VMs that cannot be reached connect; see backends.*.tunnel.");

    private static readonly Key<string> LogFile = Key.Default("log", new TextShape<string>("the absolute path of a file", LocalPath.Parse), Defaults.Log,
        "Where the private sshd logs, for the daemon to follow: whose sessions must end, and who only tries.");

    private static readonly Key<PoolId> Pool = Key.Optional("pool", Forms.Pool, "Where users are placed.");

    private static readonly Key<string> TrustedUserCaFile = Key.Optional("trustedUserCaFile", Forms.ExistingFile,
        "Public keys, one a line, of the authorities whose SSH certificates are believed.");

    private static readonly Key<LoginSettings> Login = Key.Optional("login", new LoginShape(),
        "Users log in here under their own names and are sent on to their backends; {} for the defaults. Default: they only jump.");

    private static readonly Key<EquatableList<UserSettings>> Users = Key.Default("users",
        new MapShape<UserSettings>("users", new UserShape(), NameKind.None), Defaults.Users, "Users by name, besides those that backends name.");

    private static readonly Key<KeySyncSettings> KeySync = Key.Optional("keySync", new KeySyncShape(), "How users and their keys are fetched from backends.");

    private static readonly Key<EquatableList<string>> Provision = Key.Default("provision",
        new ListShape<string>("words", Forms.AnyText, first: new TextShape<string>(ProgramFile.Expected, ProgramFile.Parse)), Defaults.Provision,
        "Run when a user is placed: program and arguments, in which {user}, {backend}, {address} and {publicKey} are replaced; no shell.");

    private static readonly Key<TimeSpan> ProvisionTimeout = Key.Default("provisionTimeout", Forms.Wait, Defaults.ProvisionTimeout,
        "How long that may take; then it is ended, and counts as failed.");

    private static readonly Key<bool> Routes = Key.Default("routes", Forms.Flag, Defaults.Routes,
        "Whether the daemon sets routes to the networks of backends by itself, where it has CAP_NET_ADMIN.");

    public override IReadOnlyList<Key> Keys { get; } = [Bind, Host, Jump, TunnelAccount, LogFile, Pool, TrustedUserCaFile, Login, Users, KeySync, Provision, ProvisionTimeout, Routes];

    protected override string Noun => "ssh";

    protected override void Check(Fields fields)
    {
        if (!fields.Has(Bind))
        {
            foreach (var address in Defaults.Bind)
            {
                fields.Reading.Addresses.AddDefault(new(address, null), fields.Node.PathOf(Bind.Name));
            }
        }

        // sshd tells by the account what a login is.
        var shared = (fields.OrNull(Jump) ?? Defaults).Account;
        var tunnels = fields.Get(TunnelAccount);
        if (shared == tunnels)
        {
            fields.Fail(TunnelAccount, "an account of its own", $"\"{tunnels}\", which is the shared account of users, too");
        }

        foreach (var user in fields.Written(Users) is ObjectNode users ? users.Members : [])
        {
            if (user.Name == shared || user.Name == tunnels)
            {
                fields.Reading.Fail(user.Value.Path, user.NamePlace, $"the name \"{user.Name}\", which is the account of all {(user.Name == shared ? "users" : "tunnels")}", "a name of the user's own, or another account");
            }
        }
    }

    protected override JumpSettings Build(Fields fields) => (fields.OrNull(Jump) ?? Defaults) with
    {
        Bind = fields.Get(Bind),
        Host = fields.OrNull(Host),
        TunnelAccount = fields.Get(TunnelAccount),
        Log = fields.Get(LogFile),
        Pool = fields.OrNone(Pool),
        TrustedUserCaFile = fields.OrNull(TrustedUserCaFile),
        Login = fields.OrNull(Login),
        Users = fields.Get(Users),
        KeySync = fields.OrNull(KeySync),
        Provision = fields.Get(Provision),
        ProvisionTimeout = fields.Get(ProvisionTimeout),
        Routes = fields.Get(Routes),
    };
}
