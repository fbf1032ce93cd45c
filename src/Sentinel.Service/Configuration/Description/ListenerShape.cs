using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Description;

/// <summary>One of <c>listeners</c>.</summary>
internal sealed class ListenerShape : ObjectShape<ListenerSettings>
{
    private static readonly TimeSpan TcpHold = TimeSpan.FromSeconds(60);

    private static readonly ListenerSettings Defaults = new() { Name = "", Bind = [], Protocol = default, Pool = default, Port = 0 };

    private static readonly Key<EquatableList<BindAddress>> Bind = Key.Required("bind", new ListShape<BindAddress>("addresses", Forms.Bind, atLeast: 1),
        "Addresses and ports to accept on; IPv6 in brackets; fd:NAME takes a socket that systemd opened.");

    private static readonly Key<ListenerProtocol> Protocol = Key.Required("protocol", new WordShape<ListenerProtocol>(NotYet.Protocols),
        "tcp: relays bytes; http: proxies HTTP/1.1, HTTP/2 and WebSocket.");

    private static readonly Key<PoolId> Pool = Key.Required("pool", Forms.Pool, "Where it goes, unless a route matches.");

    private static readonly Key<int> Port = Key.Required("port", Forms.Port, "The backend's port.");

    private static readonly Key<EquatableList<RouteSettings>> Routes = Key.Default("routes", new ListShape<RouteSettings>("routes", new RouteShape()), Defaults.Routes,
        "http: other pools by host and path. The most specific wins: exact host, longest *. suffix, then longest path.");

    private static readonly Key<TimeSpan> Hold = Key.Optional("hold", Forms.Duration,
        "How long a connection or request may wait for its pool. Default: 60s for tcp, 0s (off) otherwise.");

    private static readonly Key<int> HoldLimit = Key.Default("holdLimit", Forms.Count, Defaults.HoldLimit,
        "How many may wait at once; one more is answered at once.");

    private static readonly Key<double> HoldRelease = Key.Default("holdRelease", new RateShape(), Defaults.HoldRelease,
        "How fast those who waited are let through to a backend that is back.");

    private static readonly Key<bool> CloseOnDown = Key.Optional("closeOnDown", Forms.Flag,
        "Closes open connections to a backend that is declared down. Default: true if the pool's policy is activeStandby.");

    private static readonly Key<TimeSpan> ConnectTimeout = Key.Default("connectTimeout", Forms.Wait, Defaults.ConnectTimeout,
        "For one attempt to reach a backend; another backend is tried while no byte has been sent.");

    private static readonly Key<TimeSpan> IdleTimeout = Key.Default("idleTimeout", Forms.Duration, Defaults.IdleTimeout,
        "Closes a connection that moved nothing for so long. 0s: never.");

    private static readonly Key<int> MaxConnections = Key.Default("maxConnections", Forms.Count, Defaults.MaxConnections,
        "One more is closed at once and counted.");

    private static readonly Key<int> MaxConnectionsPerClient = Key.Default("maxConnectionsPerClient", Forms.Limit, Defaults.MaxConnectionsPerClient,
        "Per client address (IPv6: per /64). 0: no limit.");

    private static readonly Key<TimeSpan> Drain = Key.Default("drain", Forms.Duration, Defaults.Drain,
        "How long open connections may finish when the daemon stops.");

    private static readonly Key<RelayEngine> Engine = Key.Default("engine", new WordShape<RelayEngine>(NotYet.Engines), Defaults.Engine,
        "tcp: auto is the fastest that this system has; managed runs on any.");

    private static readonly Key<string> OutagePage = Key.Optional("outagePage", Forms.ExistingFile,
        "http: a file that replaces the page shown during an outage.");

    private static readonly Key<bool> Http2 = Key.Default("http2", Forms.Flag, Defaults.Http2, "http: whether HTTP/2 is spoken.");

    private static readonly Key<long> MaxRequestBody = Key.Default("maxRequestBody", new WholeNumberShape<long>("bytes as a whole number", 0, long.MaxValue),
        Defaults.MaxRequestBody, "http: bytes that a request body may have. 0: no limit.");

    private static readonly Key<TimeSpan> HeaderTimeout = Key.Default("headerTimeout", Forms.Wait, Defaults.HeaderTimeout,
        "http: how long a client may take over its request header.");

    private static readonly Key[] HttpOnly = [Routes, OutagePage, Http2, MaxRequestBody, HeaderTimeout];

    public override IReadOnlyList<Key> Keys { get; } =
    [
        Bind, Protocol, Pool, Port, Routes, Hold, HoldLimit, HoldRelease, CloseOnDown, ConnectTimeout, IdleTimeout, MaxConnections,
        MaxConnectionsPerClient, Drain, Engine, OutagePage, Http2, MaxRequestBody, HeaderTimeout,
    ];

    public override IReadOnlyList<LaterKey> Later => NotYet.Listener;

    protected override string Noun => "a listener";

    protected override void Check(Fields fields)
    {
        var isClear = fields.Try(Protocol, out var protocol);
        foreach (var key in HttpOnly)
        {
            if (isClear && protocol == ListenerProtocol.Tcp && fields.Has(key))
            {
                fields.Fail(key, $"protocol http, or no {key.Name}", $"{key.Name} on a listener of protocol tcp");
            }
        }

        if (isClear && protocol != ListenerProtocol.Tcp && fields.Try(Engine, out var engine) && engine != RelayEngine.Auto)
        {
            fields.Fail(Engine, "protocol tcp, or no engine", $"{fields.Written(Engine)!.Describe()} on a listener of protocol http");
        }

        if (fields.Try(Routes, out var routes) && fields.Written(Routes) is ListNode list)
        {
            foreach (var (index, route) in routes.Index())
            {
                if (routes.Take(index).Any(earlier => earlier.Host == route.Host && earlier.Path == route.Path))
                {
                    fields.Reading.Fail(list.Items[index], "the host and path of a route before it", "each host and path once");
                }
            }
        }
    }

    protected override ListenerSettings Build(Fields fields) => new()
    {
        Name = fields.Node.Name,
        Bind = fields.Get(Bind),
        Protocol = fields.Get(Protocol),
        Pool = fields.Get(Pool),
        Port = fields.Get(Port),
        Routes = fields.Get(Routes),
        Hold = fields.Get(Hold, fields.Get(Protocol) == ListenerProtocol.Tcp ? TcpHold : TimeSpan.Zero),
        HoldLimit = fields.Get(HoldLimit),
        HoldRelease = fields.Get(HoldRelease),
        CloseOnDown = fields.OrNone(CloseOnDown),
        ConnectTimeout = fields.Get(ConnectTimeout),
        IdleTimeout = fields.Get(IdleTimeout),
        MaxConnections = fields.Get(MaxConnections),
        MaxConnectionsPerClient = fields.Get(MaxConnectionsPerClient),
        Drain = fields.Get(Drain),
        Engine = fields.Get(Engine),
        OutagePage = fields.OrNull(OutagePage),
        Http2 = fields.Get(Http2),
        MaxRequestBody = fields.Get(MaxRequestBody),
        HeaderTimeout = fields.Get(HeaderTimeout),
    };
}
