using System.Globalization;
using System.Text;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>How the end of a body is known (RFC 9112 §6.3).</summary>
internal enum Framing
{
    None,
    Length,
    Chunked,

    /// <summary>By the end of the connection.</summary>
    Close,
}

/// <summary>The head of one answer. Reads strictly what decides where the next answer begins: a mistake there gives one client another's answer.</summary>
internal sealed class AnswerHead
{
    private readonly FieldParser _parser = new();
    private bool _isHttp10;
    private long? _saidLength;

    public int Status { get; private set; }

    public string Reason { get; private set; } = "";

    public Framing Framing { get; private set; }

    /// <summary>Bytes, for <see cref="Framing.Length"/>.</summary>
    public long Length { get; private set; }

    /// <summary>Whether the connection may carry another request when the body is over.</summary>
    public bool KeepsAlive { get; private set; }

    public bool IsInterim => Status is >= 100 and < 200 and not 101;

    /// <param name="toHead">Whether it answers a HEAD request, and has no body whatever it says.</param>
    /// <returns>Null if the connection ended before a byte of it.</returns>
    /// <exception cref="AnswerMalformed">It is no answer.</exception>
    /// <exception cref="AnswerCut">The connection ended in the middle of it.</exception>
    public static async ValueTask<AnswerHead?> ReadAsync(ReadBuffer buffer, bool toHead, CancellationToken cancellationToken)
    {
        var head = new AnswerHead();
        while (!head.TryReadStatus(buffer))
        {
            if (!await buffer.FillAsync(cancellationToken))
            {
                return buffer.IsEmpty ? null : throw new AnswerCut();
            }
        }

        while (!head._parser.TryParse(buffer))
        {
            if (!await buffer.FillAsync(cancellationToken))
            {
                throw new AnswerCut();
            }
        }

        head.DecideFraming(toHead);
        return head;
    }

    public HttpResponseMessage ToMessage(HttpRequestMessage request, HttpContent content)
    {
        var message = new HttpResponseMessage((System.Net.HttpStatusCode)Status)
        {
            RequestMessage = request,
            Version = System.Net.HttpVersion.Version11,
            ReasonPhrase = Reason,
            Content = content,
        };

        // Of several alike one is left, and beside another framing none (RFC 9112 §6.2, §6.3).
        content.Headers.ContentLength = Framing == Framing.Chunked ? null : _saidLength;
        foreach (var (name, value) in _parser.Fields)
        {
            if (!name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) && !message.Headers.TryAddWithoutValidation(name, value))
            {
                content.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return message;
    }

    private bool TryReadStatus(ReadBuffer buffer)
    {
        if (!buffer.TryReadLine(out var line))
        {
            return false;
        }

        // HTTP/1.x, a space, three digits, and a space if a reason follows.
        if (line.Length < 12 || !line.StartsWith("HTTP/1."u8) || line[7] is not ((byte)'0' or (byte)'1') || line[8] != ' '
            || !int.TryParse(line[9..12], NumberStyles.None, CultureInfo.InvariantCulture, out var status) || status < 100
            || (line.Length > 12 && line[12] != ' '))
        {
            throw new AnswerMalformed("no status line");
        }

        (_isHttp10, Status) = (line[7] == '0', status);
        Reason = line.Length > 13 && !line[13..].ContainsAnyExceptInRange((byte)' ', (byte)'~') ? Encoding.ASCII.GetString(line[13..]) : "";
        return true;
    }

    private void DecideFraming(bool toHead)
    {
        KeepsAlive = _isHttp10
            ? _parser.List("Connection").Contains("keep-alive", StringComparer.OrdinalIgnoreCase)
            : !_parser.List("Connection").Contains("close", StringComparer.OrdinalIgnoreCase);
        var codings = _parser.List("Transfer-Encoding").ToArray();
        _saidLength = ReadLength();
        if (Status == 101)
        {
            (Framing, KeepsAlive) = (Framing.Close, false);
        }
        else if (toHead || IsInterim || Status is 204 or 304)
        {
            Framing = Framing.None;
        }
        else if (codings.Length > 0)
        {
            // We never asked for another coding, and could not pass it on.
            if (codings is not [var coding] || !coding.Equals("chunked", StringComparison.OrdinalIgnoreCase))
            {
                throw new AnswerMalformed("a transfer coding other than chunked");
            }

            // Both at once, or from a server that cannot mean it: chunked counts, and nothing after it is trusted.
            Framing = Framing.Chunked;
            KeepsAlive &= _saidLength is null && !_isHttp10;
        }
        else if (_saidLength is { } bytes)
        {
            (Framing, Length) = (bytes == 0 ? Framing.None : Framing.Length, bytes);
        }
        else
        {
            (Framing, KeepsAlive) = (Framing.Close, false);
        }
    }

    private long? ReadLength()
    {
        long? length = null;
        foreach (var text in _parser.List("Content-Length"))
        {
            if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || (length is not null && length != value))
            {
                throw new AnswerMalformed("a Content-Length that is none, or two that differ");
            }

            length = value;
        }

        return length;
    }
}
