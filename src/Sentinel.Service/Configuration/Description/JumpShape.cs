using System.Net;
using Sentinel.Jump;
using Sentinel.Jump.Users;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>ssh.jump</c>: that part of the settings.</summary>
internal sealed class JumpShape : ObjectShape<JumpSettings>
{
    public static readonly TextShape<string> AccountName =
        new(UserName.Expected, (text, _) => UserName.IsRight(text) ? text : Refusal.Plain) { Pattern = UserName.Pattern };

    private static readonly JumpSettings Defaults = new();

    private static readonly Key<string> Account = Key.Default("account", AccountName, Defaults.Account,
        "The account; identity is by key.");

    private static readonly Key<IPNetwork> Addresses = Key.Default("addresses",
        new TextShape<IPNetwork>("a part of 127.0.0.0/8 from /9 to /24, such as \"127.77.0.0/16\"", Network.ParseLoopback), Defaults.Addresses,
        "Where every backend gets one stable address of its own.");

    private static readonly Key<int> Port = Key.Default("port", Forms.Port, Defaults.Port, "Where the sshd of backends listens.");

    private static readonly Key<int> ListenPort = Key.Optional("listenPort", Forms.Port, "The port of their stable addresses, where the machine's own sshd has that one on all addresses. Default: as port.");

    private static readonly Key<TimeSpan> Hold = Key.Default("hold", Forms.Duration, Defaults.Hold, "How long a connection to a stable address may wait for its backend.");

    public override IReadOnlyList<Key> Keys { get; } = [Account, Addresses, Port, ListenPort, Hold];

    protected override string Noun => "jump";

    protected override JumpSettings Build(Fields fields) => Defaults with
    {
        Account = fields.Get(Account),
        Addresses = fields.Get(Addresses),
        Port = fields.Get(Port),
        ListenPort = fields.OrNone(ListenPort),
        Hold = fields.Get(Hold),
    };
}
