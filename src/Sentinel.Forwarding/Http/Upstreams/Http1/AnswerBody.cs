using System.Globalization;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>Reads the body of one answer up to its end, and not a byte further (RFC 9112 §7). Tells the connection when it is there.</summary>
internal sealed class AnswerBody(Http1Connection connection, ReadBuffer buffer, AnswerHead head, HttpResponseMessage message) : AsyncStream
{
    private enum At
    {
        ChunkSize,
        ChunkData,
        ChunkEnd,
        Trailers,
        PlainData,
        End,
    }

    private readonly FieldParser _trailers = new();
    private At _at = head.Framing switch
    {
        Framing.None => At.End,
        Framing.Chunked => At.ChunkSize,
        _ => At.PlainData,
    };

    // Of the chunk or of the whole.
    private long _left = head.Framing == Framing.Length ? head.Length : long.MaxValue;

    public override bool CanRead => true;

    /// <exception cref="UpstreamFailure">The answer is cut or malformed.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> target, CancellationToken cancellationToken = default)
    {
        try
        {
            return await ReadOnAsync(target, cancellationToken);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            connection.Abort();
            throw e as UpstreamFailure ?? new AnswerCut(e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && _at != At.End)
        {
            connection.Abort();
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> ReadOnAsync(Memory<byte> target, CancellationToken cancellationToken)
    {
        while (true)
        {
            switch (_at)
            {
                case At.End:
                    return 0;

                case At.PlainData or At.ChunkData when target.IsEmpty:
                    await buffer.WaitAsync(cancellationToken);
                    return 0;

                case At.PlainData or At.ChunkData:
                    return await ReadDataAsync(target, cancellationToken);

                case At.ChunkSize:
                    if (TryReadSize())
                    {
                        continue;
                    }

                    break;

                case At.ChunkEnd:
                    if (buffer.TryReadLine(out var line))
                    {
                        _at = line.IsEmpty ? At.ChunkSize : throw new AnswerMalformed("a chunk longer than it says");
                        continue;
                    }

                    break;

                case At.Trailers:
                    if (_trailers.TryParse(buffer))
                    {
                        foreach (var (name, value) in _trailers.Fields)
                        {
                            message.TrailingHeaders.TryAddWithoutValidation(name, value);
                        }

                        End();
                        return 0;
                    }

                    break;
            }

            if (!await buffer.FillAsync(cancellationToken))
            {
                throw new AnswerCut();
            }
        }
    }

    private async ValueTask<int> ReadDataAsync(Memory<byte> target, CancellationToken cancellationToken)
    {
        var n = await buffer.ReadAsync(target.Length > _left ? target[..(int)_left] : target, cancellationToken);
        if (n == 0)
        {
            if (head.Framing != Framing.Close)
            {
                throw new AnswerCut();
            }

            End();
            return 0;
        }

        _left -= n;
        if (_left == 0)
        {
            if (_at == At.ChunkData)
            {
                _at = At.ChunkEnd;
            }
            else
            {
                // Now, not at the next read: the connection is free for the next request.
                End();
            }
        }

        return n;
    }

    private bool TryReadSize()
    {
        if (!buffer.TryReadLine(out var line))
        {
            return false;
        }

        // Extensions after a semicolon are for the hop only.
        var end = line.IndexOf((byte)';');
        var digits = (end < 0 ? line : line[..end]).TrimEnd(" \t"u8);
        if (!long.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _left) || _left < 0 || digits.Length > 16)
        {
            throw new AnswerMalformed("a chunk without a proper length");
        }

        _at = _left == 0 ? At.Trailers : At.ChunkData;
        return true;
    }

    private void End()
    {
        _at = At.End;
        connection.AnswerEnded();
    }
}
