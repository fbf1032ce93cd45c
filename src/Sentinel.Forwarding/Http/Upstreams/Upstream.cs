using System.Diagnostics.CodeAnalysis;
using System.Net;
using Sentinel.Backends;
using Sentinel.Forwarding.Http.Upstreams.Http1;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http.Upstreams;

/// <summary>
/// One life of a backend as HTTP sees it: from becoming healthy at an address to being declared down. Its connections
/// are kept open from request to request, and none of them outlives it: a VM that came back never sees a request on a
/// connection of the one that went. Thread-safe.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Nobody owns it: whoever is the last to leave it once it is retired disposes of all that it has.")]
internal sealed class Upstream
{
    private readonly DateTimeOffset _healthySince;
    private readonly string _address;
    private readonly string _host;
    private readonly SocketWatch _sockets = new();
    private readonly Http1Handler _http1;
    private readonly Http2Connections _http2;
    private readonly CancellationTokenSource _down = new();
    private readonly Lock _lock = new();
    private int _users;
    private bool _retired;

    public Upstream(Backend backend, TimeProvider time)
    {
        (_healthySince, _address) = (backend.HealthySince, backend.Address!);
        _host = IPAddress.TryParse(_address, out var ip) && _address.Contains(':') ? $"[{ip}]" : _address;
        _http1 = new(_address, _sockets, time);
        _http2 = new(_sockets);
        Invoker = new(new ByVersion(_http1, _http2));
        Down = _down.Token;
    }

    /// <summary>For YARP's forwarder: sends requests, HTTP/1.1 or HTTP/2 with prior knowledge as each says.</summary>
    public HttpMessageInvoker Invoker { get; }

    /// <summary>Cancelled once the backend is declared down.</summary>
    public CancellationToken Down { get; }

    /// <summary>HTTP/1.1 without messages in between.</summary>
    public Http1Handler Http1 => _http1;

    /// <summary>Scheme, host and port, the beginning of every request's address.</summary>
    public string Prefix(int port, bool isTls) => $"{(isTls ? "https" : "http")}://{_host}:{port}";

    /// <summary>Whether this is the life that the backend has now, at the address where it is to be had now.</summary>
    public bool Is(Backend now) => Lives(now) && now.Address == _address;

    /// <summary>Whether the backend has not gone down since; it may have got another address, by a reload.</summary>
    public bool Lives(Backend now) => now.Status.Healthy && now.HealthySince == _healthySince;

    /// <summary>Whether requests are under way.</summary>
    public bool IsUsed
    {
        get
        {
            lock (_lock)
            {
                return _users > 0;
            }
        }
    }

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

    /// <summary>No new requests; those under way go on.</summary>
    /// <returns>Whether there are any.</returns>
    public bool Retire()
    {
        bool isFirst, isUsed;
        lock (_lock)
        {
            (isFirst, isUsed) = (!_retired, _users > 0);
            _retired = true;
        }

        if (isFirst)
        {
            // Idle connections go now, those in use as their requests end.
            _http1.Dispose();
            if (!isUsed)
            {
                Dispose();
            }
        }

        return isUsed;
    }

    /// <summary>The backend is down: no new requests, and those under way are told.</summary>
    public void GoDown()
    {
        if (Retire())
        {
            // not inline: each cancelled request answers its client from within
            _ = _down.CancelAsync();
        }
    }

    /// <summary>Closes connections that have been idle for long. Called about once a second.</summary>
    public void TrimIdle()
    {
        _http1.Review();
        _http2.Review();
    }

    /// <summary>See <see cref="DeadPeer"/>.</summary>
    public void ReviewSockets() => _sockets.Review();

    private void Dispose()
    {
        Invoker.Dispose();
        _down.Dispose();
    }

    /// <summary>Sends each request in the version it asks for.</summary>
    private sealed class ByVersion(Http1Handler http1, Http2Connections http2) : HttpMessageHandler
    {
        private readonly HttpMessageInvoker _http1 = new(http1);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            (request.Version.Major >= 2 ? Http2(DialTerms.Of(request)) : _http1).SendAsync(request, cancellationToken);

        protected override void Dispose(bool disposing)
        {
            _http1.Dispose();
            http2.Dispose();
            base.Dispose(disposing);
        }

        private HttpMessageInvoker Http2(DialTerms terms) => http2.Of(terms.Client, terms.Tls);
    }
}
