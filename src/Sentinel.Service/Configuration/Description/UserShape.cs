using Sentinel.Backends;
using Sentinel.Jump;
using Sentinel.Jump.Keys;
using Sentinel.Jump.Users;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>One of <c>ssh.users</c>.</summary>
internal sealed class UserShape : ObjectShape<UserSettings>
{
    public static readonly TextShape<string> PublicKey = new("a public key as ssh-keygen writes it into a .pub file, such as \"ssh-ed25519 AAAA…\"",
        (text, _) => text.Contains("PRIVATE KEY", StringComparison.Ordinal) ? new Refusal(Found: "a private key, which belongs to its owner alone")
            : AuthorizedKey.TryParse(text) is { } key ? key.ToString() : Refusal.Plain);

    private static readonly Key<EquatableList<string>> PublicKeys = Key.Default("keys", new ListShape<string>("public keys", PublicKey, distinct: true), [], "Public keys.");

    private static readonly Key<string> KeysFile = Key.Optional("keysFile", Forms.ExistingFile, "A file with public keys, one a line.");

    private static readonly Key<BackendId> Backend = Key.Optional("backend", Forms.Backend, "Where the user is at home. Default: by placement, or the backend that names the user.");

    private static readonly Key<EquatableList<string>> Allow = Key.Default("allow",
        new ListShape<string>("destinations", new TextShape<string>(Destination.Expected, Destination.Parse), distinct: true), [],
        "What the user may open besides the backend itself, such as \"10.0.3.100:22\".");

    public override IReadOnlyList<Key> Keys { get; } = [PublicKeys, KeysFile, Backend, Allow];

    protected override string Noun => "a user";

    protected override void Check(Fields fields)
    {
        if (!UserName.IsRight(fields.Node.Name))
        {
            fields.Fail($"the name {ScalarNode.Quote(fields.Node.Name)}", UserName.Expected);
        }
    }

    protected override UserSettings Build(Fields fields) => new()
    {
        Name = fields.Node.Name,
        Keys = fields.Get(PublicKeys),
        KeysFile = fields.OrNull(KeysFile),
        Backend = fields.OrNone(Backend),
        Allow = fields.Get(Allow),
    };
}
