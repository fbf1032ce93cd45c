using Sentinel.Backends;
using Sentinel.Certificates;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary>One of <c>certificates.sync</c>: a backend's URL or a directory.</summary>
internal sealed class SyncShape : ObjectShape<SyncSettings>
{
    private static readonly SyncSettings Defaults = new();

    private static readonly DaemonKeys Daemon = new(
        "Where the backend's daemon gives them.", "where the backend's daemon gives its certificates, such as \"http://{address}:8080/certs\"");

    private static readonly Key<BackendId> Backend = Key.Optional("backend", Forms.Backend, "Whose certificates they are.");

    private static readonly Key<string> Directory = Key.Optional("directory", Forms.Directory,
        "Where they lie: NAME.crt beside NAME.key at any depth, as Caddy keeps them, or certbot's live/.");

    private static readonly Key<TimeSpan> Interval = Key.Default("interval", new DurationShape(TimeSpan.FromSeconds(1)), Defaults.Interval,
        "From one good fetch to the next; they are also fetched at the start, when the backend is back, and soon after a failure.");

    public override IReadOnlyList<Key> Keys { get; } = [Backend, Daemon.Url, Directory, Interval, .. Daemon.Signing];

    protected override string Noun => "a place to sync from";

    protected override void Check(Fields fields)
    {
        if (fields.IsMissing(Backend) && fields.IsMissing(Directory))
        {
            fields.Fail("neither backend nor directory", "one of them");
        }
        else if (fields.Has(Backend) && fields.Has(Directory))
        {
            fields.Fail("both backend and directory", "one of them; list the other as a place of its own");
        }
        else if (fields.Has(Backend))
        {
            Daemon.Check(fields);
        }
        else
        {
            foreach (var key in Daemon.Signing.Prepend(Daemon.Url).Where(fields.Has))
            {
                fields.Fail(key, $"a backend beside it, or no {key.Name}", $"{key.Name} beside a directory, which is read as it is");
            }
        }
    }

    protected override SyncSettings Build(Fields fields) => new()
    {
        Backend = fields.OrNone(Backend),
        Endpoint = fields.Has(Daemon.Url) ? Daemon.Build(fields) : null,
        Directory = fields.OrNull(Directory),
        Interval = fields.Get(Interval),
    };
}
