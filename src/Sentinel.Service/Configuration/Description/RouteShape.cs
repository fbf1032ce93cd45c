using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>One of a listener's <c>routes</c>.</summary>
internal sealed class RouteShape : ObjectShape<RouteSettings>
{
    private const string Wildcard = "*.";

    private static readonly Key<string> Host = Key.Optional("host",
        new TextShape<string>("a host name such as \"app.example.com\" or \"*.example.com\"", (text, _) => ParseHost(text)),
        "Exact host, or *.suffix for anything below it. Default: any.");

    private static readonly Key<string> Path = Key.Optional("path",
        new TextShape<string>("a path that begins with \"/\", without query", (text, _) => ParsePath(text)) { Pattern = "^/" },
        "Path prefix, matched by whole segments. Default: any.");

    private static readonly Key<PoolId> Pool = Key.Required("pool", Forms.Pool, "Where it goes.");

    private static readonly Key<int> Port = Key.Required("port", Forms.Port, "The backend's port.");

    public override IReadOnlyList<Key> Keys { get; } = [Host, Path, Pool, Port];

    protected override string Noun => "a route";

    protected override void Check(Fields fields)
    {
        if (fields.IsMissing(Host) && fields.IsMissing(Path))
        {
            fields.Fail("neither host nor path", "at least one of them: what no route matches goes to the listener's own pool");
        }
    }

    protected override RouteSettings Build(Fields fields) => new()
    {
        Host = fields.OrNull(Host),
        Path = fields.OrNull(Path),
        Pool = fields.Get(Pool),
        Port = fields.Get(Port),
    };

    private static Parsed<string> ParseHost(string text)
    {
        var name = text.StartsWith(Wildcard, StringComparison.Ordinal) ? text[Wildcard.Length..] : text;
        return HostAddress.IsName(name) || IpText.TryParse(text, out _) ? text.ToLowerInvariant()
            : text == "*" ? new Refusal("leave host out to match any")
            : name.Contains(':', StringComparison.Ordinal) ? new Refusal("leave scheme and port out")
            : name.Any(c => !char.IsAscii(c)) ? new Refusal("write international names in their xn-- form")
            : Refusal.Plain;
    }

    /// <summary>A slash at the end says nothing, since whole segments are matched.</summary>
    private static Parsed<string> ParsePath(string text) =>
        text.StartsWith('/') && !text.AsSpan().ContainsAny('?', '#') && text.All(c => c is > ' ' and <= '~') ? (text.Length > 1 ? text.TrimEnd('/') : text) : Refusal.Plain;
}
