using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using Sentinel.Forwarding.Http.Upstreams.Http1;

namespace Sentinel.Forwarding.Http.Plain;

/// <summary>A client's request on its way to a backend over HTTP/1.1: its fields straight from Kestrel's, its body as it comes.</summary>
internal sealed class PlainRequest : OutgoingRequest
{
    private const int PieceSize = 64 * 1024;

    private readonly HttpContext _context;
    private readonly ClientConnection _connection;
    private readonly string? _protocols;

    /// <param name="context">Kestrel's.</param>
    /// <param name="connection">The client's.</param>
    public PlainRequest(HttpContext context, ClientConnection connection)
    {
        (_context, _connection) = (context, connection);
        var length = context.Request.ContentLength;
        Framing = context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false } || length == 0 ? Framing.None
            : length is null ? Framing.Chunked
            : Framing.Length;
        Length = length ?? 0;
        IsRead = Framing == Framing.None;
        _protocols = Protocols(context);
    }

    /// <summary>Whether nothing of it is left at its client.</summary>
    public bool IsRead { get; private set; }

    public override bool IsHead => _context.Request.Method is "HEAD";

    public override bool MayUpgrade => _protocols is not null;

    public override Framing Framing { get; }

    public override long Length { get; }

    public override bool AwaitsContinue
    {
        get
        {
            // who speaks HTTP/1.0 sends the body anyway (RFC 9110 §10.1.1)
            if (!HttpProtocol.IsHttp10(_context.Request.Protocol))
            {
                foreach (var value in _context.Request.Headers.Expect)
                {
                    if ("100-continue".Equals(value, StringComparison.OrdinalIgnoreCase))
                    {
                        return true;
                    }
                }
            }

            return false;
        }
    }

    protected override void WriteHead(HeadWriter target)
    {
        var request = _context.Request;
        var headers = request.Headers;

        // HTTP/1.1 must name a host. Who asks by HTTP/1.0 need not, and any that we named would be wrong: the backend's own address would come back in redirects.
        var isHttp10 = headers.Host.Count == 0 && HttpProtocol.IsHttp10(request.Protocol);
        target.Start(request.Method, Fields.TargetAsWritten(_context), isHttp10);
        if (!isHttp10)
        {
            // empty where HTTP/2 names none (RFC 9112 §3.2)
            target.Field("Host", headers.Host.ToString());
        }

        var nominated = Fields.Nominated(headers.Connection);
        foreach (var (name, values) in headers)
        {
            if (!IsOurs(name) && !Fields.IsOneHop(name) && !Fields.Has(nominated, name) && !Fields.IsClaim(name))
            {
                Write(target, name, values);
            }
        }

        if (_protocols is not null)
        {
            target.Field(HeaderNames.Connection, HeaderNames.Upgrade);
            target.Field(HeaderNames.Upgrade, _protocols);
        }

        WriteFraming(target, headers);
        var (client, scheme, named) = Fields.Forwarded(request, _connection);
        target.Field("X-Forwarded-For", client);
        target.Field("X-Forwarded-Proto", scheme);
        if (named is not null)
        {
            target.Field("X-Forwarded-Host", named);
        }

        target.Field("Forwarded", ForwardedField.Of(client, scheme, named));

        target.End();
    }

    public override async Task CopyBodyAsync(RequestBody target, CancellationToken stop)
    {
        // Given up before it began, it must not touch the client's body.
        stop.ThrowIfCancellationRequested();
        var body = _context.Request.Body;
        var isFull = false;
        var turns = new Turns();
        while (true)
        {
            if (!isFull)
            {
                // no memory is held while the client takes its time
                _ = await body.ReadAsync(Memory<byte>.Empty, stop);
            }

            var piece = ArrayPool<byte>.Shared.Rent(PieceSize);
            try
            {
                var length = await body.ReadAsync(piece.AsMemory(), stop);
                if (length == 0)
                {
                    IsRead = true;
                    break;
                }

                isFull = length == piece.Length;
                await target.WriteAsync(piece.AsMemory(0, length), stop);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(piece);
            }

            if (turns.IsOver(PieceSize))
            {
                await Task.Yield();
            }
        }
    }

    public override void WriteTrailers(HeadWriter target)
    {
        if (_context.Features.Get<IHttpRequestTrailersFeature>() is not { Available: true, Trailers: { Count: > 0 } trailers })
        {
            return;
        }

        if (RequestFaults.HasAny(trailers))
        {
            // Refused, and nothing behind it is read.
            _connection.RequestClose();
            throw new BadHttpRequestException("a field behind the body that is none");
        }

        var nominated = Fields.Nominated(_context.Request.Headers.Connection);
        foreach (var (name, values) in trailers)
        {
            if (Fields.MayTrail(name) && !Fields.Has(nominated, name) && !Fields.IsClaim(name))
            {
                Write(target, name, values);
            }
        }
    }

    // Written by themselves: once, and of what was decided here.
    private static bool IsOurs(string name) =>
        name.Equals(HeaderNames.Host, StringComparison.OrdinalIgnoreCase) || name.Equals(HeaderNames.ContentLength, StringComparison.OrdinalIgnoreCase);

    /// <summary>What the client would switch to. HTTP in another form is not passed on: requests would reach the backend past all that is done for one here.</summary>
    /// <returns>Null: nothing.</returns>
    private static string? Protocols(HttpContext context)
    {
        if (context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true })
        {
            return null;
        }

        var others = context.Request.Headers.Upgrade
            .SelectMany(static value => value?.Split(',', StringSplitOptions.TrimEntries) ?? [])
            .Where(static name => IsProtocol(name) && !name.StartsWith("h2", StringComparison.OrdinalIgnoreCase) && !name.StartsWith("HTTP", StringComparison.OrdinalIgnoreCase));
        return string.Join(", ", others) is { Length: > 0 } protocols ? protocols : null;
    }

    // RFC 9110 §7.8: a token, and perhaps a version. What else is there, in quotes or blanks, two servers may read in two ways.
    private static bool IsProtocol(string text) =>
        text.IndexOf('/', StringComparison.Ordinal) is var slash && slash < 0 ? Fields.IsToken(text) : Fields.IsToken(text.AsSpan(0, slash)) && Fields.IsToken(text.AsSpan(slash + 1));

    private static void Write(HeadWriter target, string name, StringValues values)
    {
        // HTTP/2 has a field for each cookie, HTTP/1.1 one for all (RFC 9113 §8.2.3).
        if (values.Count > 1 && name.Equals(HeaderNames.Cookie, StringComparison.OrdinalIgnoreCase))
        {
            target.Field(name, string.Join("; ", values.ToArray()));
            return;
        }

        foreach (var value in values)
        {
            target.Field(name, value);
        }
    }

    private void WriteFraming(HeadWriter target, IHeaderDictionary headers)
    {
        if (Framing == Framing.Chunked)
        {
            target.Field(HeaderNames.TransferEncoding, "chunked");
        }
        else if (Framing == Framing.Length)
        {
            target.Number(HeaderNames.ContentLength, Length);
        }
        else if (headers.ContentLength is not null || MeansABody(_context.Request.Method))
        {
            target.Field(HeaderNames.ContentLength, "0");
        }

        // of all that may be said of codings, one thing is true here as well: the client reads trailers
        if (!HttpProtocol.IsHttp10(_context.Request.Protocol) && headers.TE.Count > 0
            && headers.GetCommaSeparatedValues(HeaderNames.TE).Contains("trailers", StringComparer.OrdinalIgnoreCase))
        {
            target.Field(HeaderNames.TE, "trailers");
        }
    }

    // A length of nothing is said where a body would be expected (RFC 9110 §8.6).
    private static bool MeansABody(string method) => method is "POST" or "PUT" or "PATCH";
}
