using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.WebUtilities;

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
    private bool _hasStatus;
    private bool _isHttp10;
    private long? _saidLength;

    public int Status { get; private set; }

    /// <summary>Null if it is what everybody says with this status.</summary>
    public string? Reason { get; private set; }

    public Framing Framing { get; private set; }

    /// <summary>Bytes, for <see cref="Framing.Length"/>.</summary>
    public long Length { get; private set; }

    /// <summary>Whether the connection may carry another request when the body is over.</summary>
    public bool KeepsAlive { get; private set; }

    public bool IsInterim => Status is >= 100 and < 200 and not 101;

    /// <summary>Whether its first line is there.</summary>
    public bool HasBegun => _hasStatus;

    public FieldParser Fields => _parser;

    /// <summary>What it says its body has, or would have; of several alike one, and beside another framing none (RFC 9112 §6.2, §6.3).</summary>
    public long? ContentLength => Framing == Framing.Chunked ? null : _saidLength;

    /// <summary>Forgets all, for the next answer.</summary>
    public void Reset()
    {
        _hasStatus = false;
        _parser.Reset();
    }

    /// <summary>Takes what has arrived.</summary>
    /// <param name="toHead">Whether it answers a HEAD request, and has no body whatever it says.</param>
    /// <returns>True when it is whole.</returns>
    /// <exception cref="AnswerMalformed">It is no answer.</exception>
    public bool TryRead(ReadBuffer buffer, bool toHead)
    {
        if (!(_hasStatus = _hasStatus || TryReadStatus(buffer)) || !_parser.TryParse(buffer))
        {
            return false;
        }

        DecideFraming(toHead);
        return true;
    }

    public HttpResponseMessage ToMessage(HttpRequestMessage request, HttpContent content)
    {
        var message = new HttpResponseMessage((System.Net.HttpStatusCode)Status)
        {
            RequestMessage = request,
            Version = System.Net.HttpVersion.Version11,
            ReasonPhrase = Reason ?? ReasonPhrases.GetReasonPhrase(Status),
            Content = content,
        };

        content.Headers.ContentLength = ContentLength;
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
        var reason = line.Length > 13 ? line[13..] : default;
        Reason = Ascii.Equals(reason, ReasonPhrases.GetReasonPhrase(status)) ? null
            : reason.ContainsAnyExceptInRange((byte)' ', (byte)'~') ? ""
            : Encoding.ASCII.GetString(reason);
        return true;
    }

    private void DecideFraming(bool toHead)
    {
        var said = new FramingFields(_parser);
        _saidLength = said.Length;
        KeepsAlive = _isHttp10 ? said.KeepsAlive : !said.Closes;
        if (Status == 101)
        {
            (Framing, KeepsAlive) = (Framing.Close, false);
        }
        else if (Status == 205)
        {
            // It has no content (RFC 9110 §15.3.6), and what comes nevertheless nobody wants to read.
            Framing = Framing.None;
            KeepsAlive &= toHead || (said.Codings == 0 && _saidLength == 0);
            _saidLength = 0;
        }
        else if (Status == 204)
        {
            // No content and no length either (RFC 9110 §8.6). Who says one may well send it.
            Framing = Framing.None;
            KeepsAlive &= toHead || (said.Codings == 0 && _saidLength is null or 0);
            _saidLength = null;
        }
        else if (toHead || IsInterim || Status == 304)
        {
            Framing = Framing.None;
        }
        else if (said.Codings > 0)
        {
            // We never asked for another coding, and could not pass it on.
            if (said.Codings > 1 || !said.IsChunked)
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
}
