using System.Net;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>admin</c>.</summary>
internal sealed class AdminShape : ObjectShape<AdminSettings>
{
    private static readonly Key<IPEndPoint> Bind = Key.Default("bind",
        new TextShape<IPEndPoint>(ListenAddress.Expected, ListenAddress.ParseEndPoint)
        {
            Noted = (address, node, reading) => reading.Addresses.Add(new(address, null), node),
        },
        AdminSettings.DefaultBind,
        "Address and port. Anything but loopback needs tokenFile.");

    private static readonly Key<SecretFile> TokenFile = Key.Optional("tokenFile", SecretFile.Token,
        "A file with the token that a request must carry to change something, and any request when bind is not loopback. Mode 0600, or a systemd credential: ${CREDENTIALS_DIRECTORY} is expanded.");

    public override IReadOnlyList<Key> Keys { get; } = [Bind, TokenFile];

    protected override string Noun => "admin";

    /// <summary>For a file that does not say where to listen.</summary>
    public static void NoteDefaultBind(Reading reading) => reading.Addresses.AddDefault(new(AdminSettings.DefaultBind, null), "admin.bind");

    /// <summary>Takes what is right and the default for what is wrong.</summary>
    public AdminSettings ReadLeniently(SourceNode node, ConfigurationEnvironment environment)
    {
        if (Scan(node, new(environment)) is not { } fields)
        {
            return new();
        }

        var settings = Build(fields);
        return settings.TokenFile is null && fields.Written(TokenFile) is ScalarNode written ? settings with { TokenFile = SecretFile.Expand(written.Text, environment) } : settings;
    }

    protected override void Check(Fields fields)
    {
        if (!fields.Has(Bind))
        {
            NoteDefaultBind(fields.Reading);
        }

        if (fields.Try(Bind, out var bind) && !IPAddress.IsLoopback(bind.Address) && fields.IsMissing(TokenFile))
        {
            fields.Fail(Bind, "tokenFile beside it, or a loopback address such as \"127.0.0.1:8888\"", $"\"{bind}\", which others can reach, and no tokenFile");
        }
    }

    protected override AdminSettings Build(Fields fields) => new()
    {
        Bind = fields.Get(Bind),
        TokenFile = fields.OrNull(TokenFile)?.Path,
        Token = fields.OrNull(TokenFile)?.Secret,
    };
}
