using System.Globalization;
using System.Runtime.CompilerServices;
using Sentinel.Forwarding.Http.Awaiting;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>Reads the body of one answer up to its end, and not a byte further (RFC 9112 §7). Tells the connection when it is there.</summary>
internal sealed class AnswerBody(Http1Connection connection, ReadBuffer buffer) : AsyncStream
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
    private HttpResponseMessage? _message;
    private bool _untilClose;
    private At _at = At.End;

    // Of the chunk or of the whole.
    private long _left;

    public override bool CanRead => true;

    /// <summary>Whether all of it was read.</summary>
    public bool IsOver => _at == At.End;

    /// <summary>The fields after it; all of them once it is over.</summary>
    public FieldParser Trailers => _trailers;

    /// <summary>Begins with what comes behind a head.</summary>
    /// <param name="head">Says where the body ends.</param>
    /// <param name="message">Gets the trailers.</param>
    public void Begin(AnswerHead head, HttpResponseMessage? message)
    {
        _trailers.Reset();
        (_message, _untilClose) = (message, head.Framing == Framing.Close);
        _left = head.Framing == Framing.Length ? head.Length : long.MaxValue;
        _at = head.Framing switch
        {
            Framing.None => At.End,
            Framing.Chunked => At.ChunkSize,
            _ => At.PlainData,
        };
    }

    /// <exception cref="UpstreamFailure">The answer is cut or malformed.</exception>
    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
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

    /// <summary>Takes what has arrived already.</summary>
    /// <param name="piece">Valid until something else is read.</param>
    /// <returns>False if the body is over, or goes on only with what must be waited for.</returns>
    /// <exception cref="AnswerMalformed">The answer is malformed.</exception>
    public bool TryTake(out ReadOnlySpan<byte> piece)
    {
        PassFrames();
        if (!IsAtData || buffer.IsEmpty)
        {
            piece = default;
            return false;
        }

        piece = buffer.Take(_left);
        Took(piece.Length);
        return true;
    }

    private bool IsAtData => _at is At.PlainData or At.ChunkData;

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<int> ReadOnAsync(Memory<byte> target, CancellationToken cancellationToken)
    {
        PassFrames();
        while (_at != At.End && !IsAtData)
        {
            if (!await buffer.FillAsync(cancellationToken))
            {
                throw new AnswerCut();
            }

            PassFrames();
        }

        if (_at == At.End)
        {
            return 0;
        }

        if (target.IsEmpty)
        {
            await buffer.WaitAsync(cancellationToken);
            return 0;
        }

        return await ReadDataAsync(target, cancellationToken);
    }

    /// <summary>Takes what is around chunks, as far as it has arrived.</summary>
    /// <exception cref="AnswerMalformed">The answer is malformed.</exception>
    public void PassFrames()
    {
        while (_at switch
        {
            At.ChunkSize => TryReadSize(),
            At.ChunkEnd => TryReadChunkEnd(),
            At.Trailers => TryReadTrailers(),
            _ => false,
        })
        {
        }
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<int> ReadDataAsync(Memory<byte> target, CancellationToken cancellationToken)
    {
        var n = await buffer.ReadAsync(target.Length > _left ? target[..(int)_left] : target, cancellationToken);
        if (n == 0)
        {
            if (!_untilClose)
            {
                throw new AnswerCut();
            }

            End();
            return 0;
        }

        Took(n);
        return n;
    }

    private void Took(int length)
    {
        _left -= length;
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
    }

    private bool TryReadChunkEnd()
    {
        if (!buffer.TryReadLine(out var line))
        {
            return false;
        }

        _at = line.IsEmpty ? At.ChunkSize : throw new AnswerMalformed("a chunk longer than it says");
        return true;
    }

    private bool TryReadTrailers()
    {
        if (!_trailers.TryParse(buffer))
        {
            return false;
        }

        End();
        return true;
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
        foreach (var (name, value) in _message is null ? [] : Trailers.Fields)
        {
            _message!.TrailingHeaders.TryAddWithoutValidation(name, value);
        }

        connection.AnswerEnded();
    }
}
