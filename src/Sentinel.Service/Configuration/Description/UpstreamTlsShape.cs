using Sentinel.Forwarding.Listeners;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>A listener's <c>upstreamTls</c>.</summary>
internal sealed class UpstreamTlsShape : ObjectShape<UpstreamTlsSettings>
{
    private static readonly Key<bool> Verify = Key.Default("verify", Forms.Flag, true,
        "Whether the backend's certificate must be valid and for its name.");

    private static readonly Key<string> ServerName = Key.Optional("serverName",
        new TextShape<string>("a host name such as \"app.example.com\"", (text, _) => HostAddress.IsName(text) ? text.ToLowerInvariant() : Refusal.Plain),
        "The name that the certificate must be for, and that is asked for. Default: the backend's address.");

    private static readonly Key<string> CaFile = Key.Optional("caFile", Forms.ExistingFile,
        "The authorities that may have signed it, in PEM. Default: those of the system.");

    public override IReadOnlyList<Key> Keys { get; } = [Verify, ServerName, CaFile];

    protected override string Noun => "upstreamTls";

    protected override void Check(Fields fields)
    {
        if (fields.Try(Verify, out var verify) && !verify && fields.Has(CaFile))
        {
            fields.Fail(CaFile, "\"verify\": true, or no caFile", "caFile beside \"verify\": false, which asks for no authority");
        }
    }

    protected override UpstreamTlsSettings Build(Fields fields) => new(fields.Get(Verify), fields.OrNull(ServerName), fields.OrNull(CaFile));
}
