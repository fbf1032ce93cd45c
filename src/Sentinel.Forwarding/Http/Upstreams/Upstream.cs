using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>
/// One life of a backend as HTTP sees it: from becoming healthy at an address to being declared down. Its connections
/// are kept open from request to request, and none of them outlives it: a VM that came back never sees a request on a
/// connection of the one that went. Thread-safe.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "The last user disposes it.")]
internal sealed class Upstream
{
    private readonly DateTimeOffset _healthySince;
    private readonly string _address;
    private readonly string _host;
    private readonly CancellationTokenSource _down = new();
    private readonly Lock _lock = new();
    private int _users;
    private bool _retired;

    public Upstream(Backend backend)
    {
        (_healthySince, _address) = (backend.HealthySince, backend.Address!);
        _host = IPAddress.TryParse(_address, out var ip) && _address.Contains(':') ? $"[{ip}]" : _address;
        Invoker = new(CreateHandler(ip is null));
        Down = _down.Token;
    }

    /// <summary>Sends requests, HTTP/1.1 or HTTP/2 with prior knowledge as each says.</summary>
    public HttpMessageInvoker Invoker { get; }

    /// <summary>Cancelled once the backend is declared down.</summary>
    public CancellationToken Down { get; }

    /// <summary>Scheme, host and port, the beginning of every request's address.</summary>
    public string Prefix(int port) => $"http://{_host}:{port}";

    /// <summary>Whether this is the life that the backend has now.</summary>
    public bool Is(Backend now) => now.Status.Healthy && now.HealthySince == _healthySince && now.Address == _address;

    /// <summary>Begins to use it; balanced by <see cref="Exit"/>.</summary>
    /// <returns>False if it is retired.</returns>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_retired)
            {
                return false;
            }

            _users++;
            return true;
        }
    }

    public void Exit()
    {
        bool last;
        lock (_lock)
        {
            last = --_users == 0 && _retired;
        }

        if (last)
        {
            Dispose();
        }
    }

    /// <summary>The backend is down: no new requests, and those under way are told. Connections go when the last of them is over.</summary>
    public void Retire()
    {
        bool last;
        lock (_lock)
        {
            if (_retired)
            {
                return;
            }

            _retired = true;
            last = _users == 0;
        }

        if (last)
        {
            Dispose();
        }
        else
        {
            // not inline: each cancelled request answers its client from within
            _ = _down.CancelAsync();
        }
    }

    private void Dispose()
    {
        Invoker.Dispose();
        _down.Dispose();
    }

    private static SocketsHttpHandler CreateHandler(bool isName) => new()
    {
        // A proxy passes on what it gets: nothing is followed, unpacked, remembered or traced on the client's behalf.
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = null,

        // Header values pass as the bytes they are.
        RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,

        // KiB, as on the client's side.
        MaxResponseHeadersLength = 64,

        // The timeout of an attempt is its listener's, see DialTerms.
        ConnectCallback = DialTerms.ConnectAsync,
        ConnectTimeout = Timeout.InfiniteTimeSpan,

        // Servers close idle connections after a few seconds (Node 5, Apache 5, nginx 75). One that is being closed
        // just as it is used costs a request; a connection to the next machine costs less than a millisecond.
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(4),

        // A name may come to mean another address.
        PooledConnectionLifetime = isName ? TimeSpan.FromMinutes(5) : Timeout.InfiniteTimeSpan,

        // HTTP/2: more streams than one connection takes open a second; a peer that vanished is found out while
        // requests wait for it (TCP's own keepalive sees to the rest).
        EnableMultipleHttp2Connections = true,
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        KeepAlivePingDelay = TimeSpan.FromSeconds(15),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(15),

        // How long a backend may think over Expect: 100-continue before the body is sent anyway (RFC 9110 §10.1.1).
        Expect100ContinueTimeout = TimeSpan.FromSeconds(1),

        // A download that its client abandoned is not read to the end to save the connection.
        MaxResponseDrainSize = 64 * 1024,
        ResponseDrainTimeout = TimeSpan.FromSeconds(1),
    };
}
