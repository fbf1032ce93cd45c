using System.Buffers;
using System.Text;
using Sentinel.Forwarding.Http.Upstreams.Http1;

namespace Sentinel.Forwarding.Http.Door;

/// <summary>
/// The head of a plain request: one that everybody reads alike, that has no body and asks for nothing but an answer. An allow-list: whatever is not
/// certainly so is not plain. Each that is plain means to Kestrel just what it means here, so that it makes no difference who
/// reads it. Rewrites it for the backend meanwhile. Kept for all requests of a connection. Not thread-safe.
/// </summary>
/// <param name="client">Whom backends are told it comes from.</param>
/// <param name="scheme">By which.</param>
internal sealed class PlainHead(string client, string scheme) : OutgoingRequest
{
    /// <summary>More is for Kestrel to judge, whose own limits are wider: bytes.</summary>
    public const int Longest = 16 * 1024;

    private const int MostFields = 100;
    private const int LongestPath = 1024;
    private const int LongestHost = 255;
    private const int LongestName = 64;

    // Tokens without what only few names have; underscores are hyphens to some (RFC 3875 §4.1.18).
    private static readonly SearchValues<byte> InNames = SearchValues.Create("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);
    private static readonly SearchValues<byte> InHosts = SearchValues.Create("-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    // Segments without anything to decode (RFC 3986 §3.3), and whatever else may stand in a query but a fragment.
    private static readonly SearchValues<byte> InPaths = SearchValues.Create("/-._~!$&'()*+,;=:@0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);
    private static readonly SearchValues<byte> InQueries = SearchValues.Create([.. Enumerable.Range('!', '~' - '!' + 1).Select(c => (byte)c).Where(c => c != '#')]);

    // Of a value, what is left when control characters and everything beyond ASCII is taken away.
    private static readonly SearchValues<byte> InValues = SearchValues.Create([(byte)'\t', .. Enumerable.Range(' ', '~' - ' ' + 1).Select(c => (byte)c)]);

    private readonly HeadWriter _writer = new();
    private byte[] _claims = [];
    private string _claimedHost = "";
    private char[] _host = [];
    private char[] _path = [];
    private int _hostLength;
    private int _pathLength;
    private bool _isHead;
    private bool _hasConnection;
    private bool _hasCookie;

    /// <summary>Passes interim answers on; null: nobody does.</summary>
    public Func<AnswerHead, ValueTask>? Interims { get; init; }

    /// <summary>How many bytes it has.</summary>
    public int HeadLength { get; private set; }

    /// <summary>As it was written.</summary>
    public ReadOnlySpan<char> Host => _host.AsSpan(0, _hostLength);

    /// <summary>Without the query. Nothing in it needs decoding.</summary>
    public ReadOnlySpan<char> Path => _path.AsSpan(0, _pathLength);

    /// <summary>Whether its client wants the connection closed after it.</summary>
    public bool Closes { get; private set; }

    public string Method => _isHead ? "HEAD" : "GET";

    public override bool IsHead => _isHead;

    public override bool MayUpgrade => false;

    public override Framing Framing => Framing.None;

    public override long Length => 0;

    public override bool AwaitsContinue => false;

    /// <summary>Looks for a head at the beginning of what has arrived.</summary>
    /// <returns>False if it is not plain, or not wholly there.</returns>
    public bool TryRead(ReadOnlySpan<byte> arrived)
    {
        arrived = arrived[..Math.Min(arrived.Length, Longest)];
        var end = arrived.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return false;
        }

        HeadLength = end + 4;
        (_hostLength, _hasConnection, _hasCookie, Closes) = (0, false, false, false);
        var rest = arrived[..(end + 2)];
        if (!TryTakeLine(ref rest, out var line) || !TryStart(line))
        {
            return false;
        }

        for (var count = 0; !rest.IsEmpty; count++)
        {
            if (count == MostFields || !TryTakeLine(ref rest, out line) || !TryField(line))
            {
                return false;
            }
        }

        if (_hostLength == 0)
        {
            return false;
        }

        if (!Host.SequenceEqual(_claimedHost))
        {
            // it is nearly always the one of the request before
            (_claims, _claimedHost) = (Claims(), Host.ToString());
        }

        _writer.Lines(_claims);
        _writer.End();
        return true;
    }

    /// <summary>Gives back the memory that the rewritten head is in.</summary>
    public void Release() => _writer.Release();

    public override ReadOnlyMemory<byte> Head(HeadWriter writer) => _writer.Written;

    public override ValueTask TellAsync(AnswerHead interim) => Interims?.Invoke(interim) ?? ValueTask.CompletedTask;

    public override Task CopyBodyAsync(RequestBody target, CancellationToken stop) => Task.CompletedTask;

    protected override void WriteHead(HeadWriter target) => throw new NotSupportedException();

    /// <summary>What the sentinel says about the client.</summary>
    private byte[] Claims()
    {
        var writer = new HeadWriter();
        writer.Field("X-Forwarded-For", client);
        writer.Field("X-Forwarded-Proto", scheme);
        writer.Field("X-Forwarded-Host", Host);
        Span<char> forwarded = stackalloc char[ForwardedField.MostLength(client, scheme, Host)];
        writer.Field("Forwarded", ForwardedField.Write(client, scheme, Host, forwarded));
        var claims = writer.Written.ToArray();
        writer.Release();
        return claims;
    }

    private static bool TryTakeLine(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> line)
    {
        // neither of the two alone
        var end = rest.IndexOfAny((byte)'\r', (byte)'\n');
        line = rest[..end];
        var isEnded = rest[end..].StartsWith("\r\n"u8);
        rest = isEnded ? rest[(end + 2)..] : default;
        return isEnded;
    }

    private bool TryStart(ReadOnlySpan<byte> line)
    {
        _isHead = line.StartsWith("HEAD /"u8);
        if (!(_isHead || line.StartsWith("GET /"u8)) || !line.EndsWith(" HTTP/1.1"u8))
        {
            return false;
        }

        var start = _isHead ? 5 : 4;
        var target = line[start..Math.Max(start, line.Length - " HTTP/1.1"u8.Length)];
        var mark = target.IndexOf((byte)'?');
        var path = mark < 0 ? target : target[..mark];
        if (path.Length is 0 or > LongestPath || path.ContainsAnyExcept(InPaths) || path.IndexOf("/."u8) >= 0 || (mark >= 0 && target[mark..].ContainsAnyExcept(InQueries)))
        {
            return false;
        }

        _pathLength = Keep(path, ref _path);
        _writer.Start(line);
        return true;
    }

    private bool TryField(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        if (colon is <= 0 or > LongestName)
        {
            return false;
        }

        var name = line[..colon];
        var value = line[(colon + 1)..].Trim(" \t"u8);
        if (name.ContainsAnyExcept(InNames) || value.ContainsAnyExcept(InValues) || !Takes(name, value))
        {
            return false;
        }

        if (!Fields.IsOneHop(name) && !Fields.IsClaim(name))
        {
            _writer.Field(name, value);
        }

        return true;
    }

    /// <summary>Whether a field may be in a plain request.</summary>
    private bool Takes(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => name.Length switch
    {
        2 => !Is(name, "TE"u8),
        4 => !Is(name, "Host"u8) || TryHost(value),
        6 => !Is(name, "Expect"u8) && (!Is(name, "Cookie"u8) || IsFirst(ref _hasCookie)),
        7 => !Is(name, "Upgrade"u8) && !Is(name, "Trailer"u8),
        10 => !Is(name, "Connection"u8) || (IsFirst(ref _hasConnection) && TryConnection(value)),
        12 => !Is(name, "Content-Type"u8) || !(value.Length >= 16 && Is(value[..16], "application/grpc"u8)),
        14 => !Is(name, "Content-Length"u8) && !Is(name, "HTTP2-Settings"u8),
        17 => !Is(name, "Transfer-Encoding"u8),
        _ => true,
    };

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> other) => Ascii.EqualsIgnoreCase(name, other);

    private static bool IsFirst(ref bool hasBeen) => !hasBeen && (hasBeen = true);

    private bool TryConnection(ReadOnlySpan<byte> value)
    {
        Closes = Is(value, "close"u8);
        return Closes || Is(value, "keep-alive"u8);
    }

    /// <summary>One and no other: a name or an IPv4 address, and a port.</summary>
    private bool TryHost(ReadOnlySpan<byte> value)
    {
        if (_hostLength > 0 || value.Length is 0 or > LongestHost)
        {
            return false;
        }

        var colon = value.IndexOf((byte)':');
        var port = colon < 0 ? default : value[(colon + 1)..];
        if (colon == 0 || (colon < 0 ? value : value[..colon]).ContainsAnyExcept(InHosts) || (colon > 0 && port.Length is 0 or > 5) || port.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return false;
        }

        _hostLength = Keep(value, ref _host);
        return true;
    }

    private static int Keep(ReadOnlySpan<byte> text, ref char[] target)
    {
        if (target.Length < text.Length)
        {
            target = new char[Math.Max(32, text.Length)];
        }

        return Encoding.ASCII.GetChars(text, target);
    }
}
