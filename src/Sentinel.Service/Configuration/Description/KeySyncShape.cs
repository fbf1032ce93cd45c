using Sentinel.Jump;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>ssh.keySync</c>.</summary>
internal sealed class KeySyncShape : ObjectShape<KeySyncSettings>
{
    private static readonly DaemonKeys Daemon = new(
        "Where the daemon of a backend gives its users' keys.", "where a backend's daemon gives its users' keys, such as \"http://{address}:8080/authorized-keys\"");

    private static readonly Key<TimeSpan> Interval = Key.Default("interval", new DurationShape(TimeSpan.FromSeconds(1)), TimeSpan.FromMinutes(2),
        "From one good fetch to the next; they are also fetched at the start, when the backend is back, when it says so, and soon after a failure.");

    public override IReadOnlyList<Key> Keys { get; } = [Daemon.Url, Interval, .. Daemon.Signing];

    protected override string Noun => "keySync";

    protected override void Check(Fields fields) => Daemon.Check(fields);

    protected override KeySyncSettings Build(Fields fields) => new(Daemon.Build(fields), fields.Get(Interval));
}
