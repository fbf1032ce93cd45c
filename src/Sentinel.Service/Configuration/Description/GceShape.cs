using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>clouds.gce</c>.</summary>
internal sealed class GceShape : ObjectShape<GceSettings>
{
    private static readonly GceSettings Defaults = new();

    private static readonly Key<string> Project = Key.Optional("project",
        new TextShape<string>(GceText.ExpectedProject, (text, _) => GceText.IsProject(text) ? text : Refusal.Plain),
        "The project of all VMs. Default: the one that the metadata server names.");

    private static readonly Key<Uri> Endpoint = Key.Default("endpoint", new TextShape<Uri>(WebAddress.Expected, WebAddress.Parse) { Write = Plain }, Defaults.Endpoint,
        "Where the API is; /compute/v1/projects/ is added.");

    private static readonly Key<GceCredentials> Credentials = Key.Default("credentials",
        new TextShape<GceCredentials>(GceText.ExpectedCredentials, GceText.ParseCredentials) { Write = _ => "metadata" }, Defaults.Credentials,
        "metadata: the service account of this machine; none; or a file with a service account's key or application default credentials.");

    private static readonly Key<Uri> MetadataEndpoint = Key.Default("metadataEndpoint",
        new TextShape<Uri>(WebAddress.Expected, WebAddress.Parse) { Write = Plain }, Defaults.MetadataEndpoint, "Where the metadata server is.");

    private static readonly Key<TimeSpan> WatchInterval = Key.Default("watchInterval", new DurationShape(TimeSpan.FromMilliseconds(100)), Defaults.WatchInterval,
        "From one look at a zone to the next: one list of instances and one of operations, however many VMs.");

    private static readonly Key<int> RequestsPerMinute = Key.Default("requestsPerMinute", new WholeNumberShape<int>("a whole number", 30, 1_000_000), Defaults.RequestsPerMinute,
        "Our own ceiling, under the project's quota.");

    public override IReadOnlyList<Key> Keys { get; } = [Project, Endpoint, Credentials, MetadataEndpoint, WatchInterval, RequestsPerMinute];

    protected override string Noun => "gce";

    protected override GceSettings Build(Fields fields) => new()
    {
        Project = fields.OrNull(Project),
        Endpoint = fields.Get(Endpoint),
        Credentials = fields.Get(Credentials),
        MetadataEndpoint = fields.Get(MetadataEndpoint),
        WatchInterval = fields.Get(WatchInterval),
        RequestsPerMinute = fields.Get(RequestsPerMinute),
    };

    private static string Plain(Uri uri) => uri.ToString().TrimEnd('/');
}
