using Sentinel.Recovery.Watching;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary>A backend's <c>health</c>.</summary>
internal sealed class HealthShape : ObjectShape<HealthSettings>
{
    private static readonly HealthSettings Defaults = new() { Port = 1 };

    private static readonly Key<HealthKind> Kind = Key.Default("kind", new WordShape<HealthKind>([]), Defaults.Kind,
        "tcp: connects; http: 2xx or 3xx at path; tls: a handshake completes; ssh: a banner arrives; grpc: grpc.health.v1 says SERVING.");

    private static readonly Key<int> Port = Key.Required("port", Forms.Port, "Where it is asked.");

    private static readonly Key<string> Path = Key.Default("path",
        new TextShape<string>("a path that begins with \"/\"", (text, _) => IsPath(text) ? text : Refusal.Plain) { Pattern = "^/" },
        Defaults.Path, "What kind http asks for.");

    private static readonly Key<TimeSpan> Interval = Key.Default("interval", Forms.Wait, Defaults.Interval, "From one check to the next.");

    private static readonly Key<TimeSpan> Timeout = Key.Default("timeout", Forms.Wait, Defaults.Timeout, "A check that takes longer has failed.");

    private static readonly Key<int> HealthyAfter = Key.Default("healthyAfter", Forms.Count, Defaults.HealthyAfter,
        "Checks in a row that must pass to make it healthy.");

    private static readonly Key<int> UnhealthyAfter = Key.Default("unhealthyAfter", Forms.Count, Defaults.UnhealthyAfter,
        "Checks in a row that must fail to make it unhealthy.");

    public override IReadOnlyList<Key> Keys { get; } = [Kind, Port, Path, Interval, Timeout, HealthyAfter, UnhealthyAfter];

    protected override string Noun => "health";

    protected override void Check(Fields fields)
    {
        if (fields.Try(Kind, out var kind) && kind != HealthKind.Http && fields.Try(Path, out var path) && path != Defaults.Path)
        {
            fields.Fail(Path, "\"kind\": \"http\" beside it, or no path", $"a path for a check of kind {kind.ToString().ToLowerInvariant()}, which asks for none");
        }
    }

    protected override HealthSettings Build(Fields fields) => new()
    {
        Kind = fields.Get(Kind),
        Port = fields.Get(Port),
        Path = fields.Get(Path),
        Interval = fields.Get(Interval),
        Timeout = fields.Get(Timeout),
        HealthyAfter = fields.Get(HealthyAfter),
        UnhealthyAfter = fields.Get(UnhealthyAfter),
    };

    /// <summary>What may stand in a request line (RFC 9112 §3.2.1).</summary>
    private static bool IsPath(string text) => text.StartsWith('/') && !text.Contains('#', StringComparison.Ordinal) && text.All(c => c is > ' ' and <= '~');
}
