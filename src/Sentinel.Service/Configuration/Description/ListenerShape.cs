using System.Net;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay.Kernel;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>One of <c>listeners</c>.</summary>
internal sealed class ListenerShape : ObjectShape<ListenerSettings>
{
    private static readonly TimeSpan TcpHold = TimeSpan.FromSeconds(60);

    // Two years, what lists of such hosts ask for at most.
    private static readonly TimeSpan LongestHsts = TimeSpan.FromDays(730);

    private static readonly ListenerSettings Defaults = new() { Name = "", Bind = [], Protocol = default, Pool = default, Port = 0 };

    private static readonly Key<EquatableList<BindAddress>> Bind = Key.Required("bind", new ListShape<BindAddress>("addresses", Forms.Bind, atLeast: 1),
        "Addresses and ports to accept on; IPv6 in brackets; fd:NAME takes a socket that systemd opened.");

    private static readonly Key<ListenerProtocol> Protocol = Key.Required("protocol", new WordShape<ListenerProtocol>(NotYet.Protocols),
        "tcp: relays bytes; http: proxies HTTP/1.1, HTTP/2 and WebSocket; https: terminates TLS and proxies what is inside;"
        + " tls: passes TLS through by server name, and answers it itself while nobody serves.");

    private static readonly Key<PoolId> Pool = Key.Required("pool", Forms.Pool, "Where it goes, unless a route matches.");

    private static readonly Key<int> Port = Key.Required("port", Forms.Port, "The backend's port.");

    private static readonly Key<EquatableList<RouteSettings>> Routes = Key.Default("routes", new ListShape<RouteSettings>("routes", new RouteShape()), Defaults.Routes,
        "http, https, tls: other pools by host and path (tls: by host alone). The most specific wins: exact host, longest *. suffix, then longest path.");

    private static readonly Key<TimeSpan> Hold = Key.Optional("hold", Forms.Duration,
        "How long a connection or request may wait for its pool. Default: 60s for tcp, 0s (off) otherwise.");

    private static readonly Key<int> HoldLimit = Key.Default("holdLimit", Forms.Count, Defaults.HoldLimit,
        "How many may wait at once; one more is answered at once.");

    private static readonly Key<double> HoldRelease = Key.Default("holdRelease", new RateShape(), Defaults.HoldRelease,
        "How fast those who waited are let through to a backend that is back.");

    private static readonly Key<bool> CloseOnDown = Key.Optional("closeOnDown", Forms.Flag,
        "Closes open connections to a backend that is declared down. Default: true if the pool's policy is activeStandby.");

    private static readonly Key<ProxyProtocol> ProxyHeader = Key.Default("proxyProtocol", new WordShape<ProxyProtocol>([]), Defaults.ProxyProtocol,
        "tcp, tls: v1 or v2: the PROXY header that tells the backend who the client is, before its first byte.");

    private static readonly Key<EquatableList<IPNetwork>> ProxyNetworks = Key.Default("acceptProxyProtocolFrom",
        new ListShape<IPNetwork>("networks", new TextShape<IPNetwork>(Network.Expected, Network.ParseProxies), distinct: true), Defaults.AcceptProxyProtocolFrom,
        "Networks of proxies whose PROXY header is required and believed.");

    private static readonly Key<TimeSpan> ConnectTimeout = Key.Default("connectTimeout", Forms.Wait, Defaults.ConnectTimeout,
        "For one attempt to reach a backend; another backend is tried while no byte has been sent.");

    private static readonly Key<TimeSpan> IdleTimeout = Key.Default("idleTimeout", Forms.Duration, Defaults.IdleTimeout,
        "Closes a connection that moved nothing for so long. 0s: never.");

    private static readonly Key<int> MaxConnections = Key.Default("maxConnections", Forms.Count, Defaults.MaxConnections,
        "One more is closed at once and counted.");

    private static readonly Key<int> MaxConnectionsPerClient = Key.Default("maxConnectionsPerClient", Forms.Limit, Defaults.MaxConnectionsPerClient,
        "Per client address (IPv6: per /64). 0: no limit.");

    private static readonly Key<bool> Transparent = Key.Default("transparent", Forms.Flag, Defaults.Transparent,
        "tcp, tls, on Linux: the backend sees the client's own address as the source. Needs the rules of sentinel transparent-rules.");

    private static readonly Key<TimeSpan> Drain = Key.Default("drain", Forms.Duration, Defaults.Drain,
        "How long open connections may finish when the daemon stops.");

    private static readonly Key<RelayEngine> Engine = Key.Default("engine", new WordShape<RelayEngine>([]), Defaults.Engine,
        "tcp, tls: auto is the fastest relay that this system has; splice needs Linux; managed runs on any; kernel (tcp) has nftables forward while the pool serves.");

    private static readonly Key<string> OutagePage = Key.Optional("outagePage", Forms.ExistingFile,
        "http, https, tls: a file that replaces the page shown during an outage.");

    private static readonly Key<bool> Http2 = Key.Default("http2", Forms.Flag, Defaults.Http2, "http, https: whether HTTP/2 is spoken.");

    private static readonly Key<long> MaxRequestBody = Key.Default("maxRequestBody", new WholeNumberShape<long>("bytes as a whole number", 0, long.MaxValue),
        Defaults.MaxRequestBody, "http, https: bytes that a request body may have. 0: no limit.");

    private static readonly Key<TimeSpan> HeaderTimeout = Key.Default("headerTimeout", Forms.Wait, Defaults.HeaderTimeout,
        "How long a client may take over each thing that must come first: PROXY header, TLS handshake, request header.");

    private static readonly Key<int> RequestsPerSecond = Key.Default("requestsPerSecond", Forms.Limit, Defaults.RequestsPerSecond,
        "http, https: per client address (IPv6: per /64); what comes faster is answered 429. 0: no limit.");

    private static readonly Key<bool> RedirectToHttps = Key.Default("redirectToHttps", Forms.Flag, Defaults.RedirectToHttps,
        "http: sends clients to https, all but ACME challenges.");

    private static readonly Key<TimeSpan> Hsts = Key.Default("hsts", new DurationShape(TimeSpan.Zero, LongestHsts), Defaults.Hsts,
        "https: for how long browsers are told to come by TLS alone (Strict-Transport-Security). 0s: they are told nothing.");

    private static readonly Key<UpstreamTlsSettings> UpstreamTls = Key.Optional("upstreamTls", new UpstreamTlsShape(),
        "http, https: speaks TLS to the backends too.");

    private static readonly ListenerProtocol[] Relays = [ListenerProtocol.Tcp, ListenerProtocol.Tls];
    private static readonly ListenerProtocol[] Proxies = [ListenerProtocol.Http, ListenerProtocol.Https];

    private static readonly ListenerProtocol[] Answering = [.. Proxies, ListenerProtocol.Tls];

    /// <summary>Keys that mean nothing to some protocols.</summary>
    private static readonly (Key Key, ListenerProtocol[] For)[] Only =
    [
        (Routes, Answering), (OutagePage, Answering), (Http2, Proxies), (MaxRequestBody, Proxies), (RequestsPerSecond, Proxies),
        (RedirectToHttps, [ListenerProtocol.Http]), (Hsts, [ListenerProtocol.Https]), (UpstreamTls, Proxies),
    ];

    public override IReadOnlyList<Key> Keys { get; } =
    [
        Bind, Protocol, Pool, Port, Routes, Hold, HoldLimit, HoldRelease, CloseOnDown, ProxyHeader, ProxyNetworks,
        ConnectTimeout, IdleTimeout, MaxConnections, MaxConnectionsPerClient, Transparent, Drain, Engine, OutagePage, Http2, MaxRequestBody, HeaderTimeout,
        RequestsPerSecond, RedirectToHttps, Hsts, UpstreamTls,
    ];

    public override IReadOnlyList<LaterKey> Later => NotYet.Listener;

    protected override string Noun => "a listener";

    protected override void Check(Fields fields)
    {
        var isClear = fields.Try(Protocol, out var protocol);
        foreach (var (key, protocols) in Only)
        {
            if (isClear && !protocols.Contains(protocol) && fields.Has(key))
            {
                fields.Fail(key, $"protocol {Words(protocols)}, or no {key.Name}", $"{key.Name} on a listener of protocol {Word(protocol)}");
            }
        }

        if (isClear && protocol == ListenerProtocol.Tcp && fields.Has(HeaderTimeout) && fields.Try(ProxyNetworks, out var proxies) && proxies.Count == 0)
        {
            fields.Fail(HeaderTimeout, "protocol http, https or tls, or acceptProxyProtocolFrom beside it", "headerTimeout where no header is read");
        }

        if (isClear && !Relays.Contains(protocol) && fields.Try(ProxyHeader, out var form) && form != ProxyProtocol.None)
        {
            fields.Fail(ProxyHeader, "protocol tcp or tls, or no proxyProtocol: over HTTP the backend learns the client's address from X-Forwarded-For", $"{fields.Written(ProxyHeader)!.Describe()} on a listener of protocol {Word(protocol)}");
        }

        if (isClear && !Relays.Contains(protocol) && fields.Try(Transparent, out var transparent) && transparent)
        {
            fields.Fail(Transparent, "protocol tcp or tls, or no transparent: over HTTP the backend learns the client's address from X-Forwarded-For", $"transparent on a listener of protocol {Word(protocol)}");
        }

        if (isClear && !Relays.Contains(protocol) && fields.Try(Engine, out var engine) && engine != RelayEngine.Auto)
        {
            fields.Fail(Engine, "protocol tcp or tls, or no engine", $"{fields.Written(Engine)!.Describe()} on a listener of protocol {Word(protocol)}");
        }

        if (isClear && Relays.Contains(protocol) && fields.Get(Engine) == RelayEngine.Kernel && KernelLimits.Refusal(Carried(fields, protocol)) is { } refusal)
        {
            fields.Fail(Engine, $"a listener that it can carry: {refusal}");
        }

        if (fields.Try(Routes, out var routes) && fields.Written(Routes) is ListNode list)
        {
            foreach (var (index, route) in routes.Index())
            {
                if (isClear && protocol == ListenerProtocol.Tls && route.Path is not null)
                {
                    fields.Reading.Fail(list.Items[index], "a path in a route of protocol tls", "a host alone: the path is in what is passed through unread");
                }

                if (routes.Take(index).Any(earlier => earlier.Host == route.Host && earlier.Path == route.Path))
                {
                    fields.Reading.Fail(list.Items[index], "the host and path of a route before it", "each host and path once");
                }
            }
        }
    }

    /// <summary>Where a listener names its engine; for errors that only the whole file shows.</summary>
    public static SourceNode EngineOf(ObjectNode listener) =>
        listener.Members.First(member => member.Name.Equals(Engine.Name, StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>What matters to the kernel, as far as it is right.</summary>
    private static ListenerSettings Carried(Fields fields, ListenerProtocol protocol) => Defaults with
    {
        Protocol = protocol,
        IdleTimeout = fields.Get(IdleTimeout),
        ProxyProtocol = fields.Get(ProxyHeader),
        AcceptProxyProtocolFrom = fields.Get(ProxyNetworks),
        Transparent = fields.Get(Transparent),
    };

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
        ProxyProtocol = fields.Get(ProxyHeader),
        AcceptProxyProtocolFrom = fields.Get(ProxyNetworks),
        ConnectTimeout = fields.Get(ConnectTimeout),
        IdleTimeout = fields.Get(IdleTimeout),
        MaxConnections = fields.Get(MaxConnections),
        MaxConnectionsPerClient = fields.Get(MaxConnectionsPerClient),
        Transparent = fields.Get(Transparent),
        Drain = fields.Get(Drain),
        Engine = fields.Get(Engine),
        OutagePage = fields.OrNull(OutagePage),
        Http2 = fields.Get(Http2),
        MaxRequestBody = fields.Get(MaxRequestBody),
        HeaderTimeout = fields.Get(HeaderTimeout),
        RequestsPerSecond = fields.Get(RequestsPerSecond),
        RedirectToHttps = fields.Get(RedirectToHttps),
        Hsts = fields.Get(Hsts),
        UpstreamTls = fields.OrNull(UpstreamTls),
    };

    private static string Words(ListenerProtocol[] protocols) =>
        protocols.Length == 1 ? Word(protocols[0]) : $"{string.Join(", ", protocols[..^1].Select(Word))} or {Word(protocols[^1])}";

    private static string Word(ListenerProtocol protocol) => protocol.ToString().ToLowerInvariant();
}
