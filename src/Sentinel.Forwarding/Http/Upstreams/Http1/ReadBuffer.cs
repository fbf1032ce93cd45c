using System.Runtime.CompilerServices;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Http.Loops;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>
/// What was read from a connection and not used yet. Holds memory only while there is such: an idle connection, or one
/// whose bytes go straight to their reader, has none. One whose connection is broken off is left to the collector: a read may still write to it. Not thread-safe.
/// </summary>
internal sealed class ReadBuffer(Stream stream)
{
    /// <summary>Bytes that a head, a chunk's line or the trailers may take.</summary>
    public const int LargestHead = 64 * 1024;

    private byte[] _bytes = [];
    private int _start;
    private int _end;

    public bool IsEmpty => _start == _end;

    /// <summary>Where to read more to, behind what is there; <see cref="Filled"/> follows.</summary>
    /// <exception cref="AnswerMalformed">More than anybody may want to see at once.</exception>
    public Memory<byte> Room()
    {
        if (_bytes.Length == 0)
        {
            _bytes = BufferStock.Take(BufferStock.Size);
        }
        else if (_end == _bytes.Length)
        {
            MakeRoom();
        }

        return _bytes.AsMemory(_end);
    }

    /// <summary>So much was read.</summary>
    /// <returns>False at the end of the stream.</returns>
    public bool Filled(int length)
    {
        _end += length;
        return length > 0;
    }

    /// <summary>Reads more behind what is there.</summary>
    /// <returns>False at the end of the stream.</returns>
    /// <exception cref="AnswerMalformed">More than anybody may want to see at once.</exception>
    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken) => Filled(await stream.ReadAsync(Room(), cancellationToken));

    /// <summary>Takes a line, without its CRLF (or LF alone, RFC 9112 §2.2).</summary>
    /// <param name="line">Valid until the next call.</param>
    public bool TryReadLine(out ReadOnlySpan<byte> line)
    {
        var there = _bytes.AsSpan(_start.._end);
        var length = there.IndexOf((byte)'\n');
        if (length < 0)
        {
            line = default;
            return false;
        }

        line = there[..length];
        _start += length + 1;
        if (line is [.. var text, (byte)'\r'])
        {
            line = text;
        }

        return true;
    }

    /// <summary>Takes what is there, but no more than <paramref name="most"/>.</summary>
    /// <returns>Valid until the next call.</returns>
    public ReadOnlySpan<byte> Take(long most)
    {
        var taken = _bytes.AsSpan(_start, (int)Math.Min(most, _end - _start));
        _start += taken.Length;
        return taken;
    }

    /// <summary>Takes what is there; if nothing is, reads past the buffer straight into <paramref name="target"/>.</summary>
    public ValueTask<int> ReadAsync(Memory<byte> target, CancellationToken cancellationToken)
    {
        if (IsEmpty)
        {
            Release();
            return stream.ReadAsync(target, cancellationToken);
        }

        var n = Math.Min(target.Length, _end - _start);
        _bytes.AsMemory(_start, n).CopyTo(target);
        _start += n;
        return new(n);
    }

    /// <summary>Waits until there is something to read, or the end, without holding memory meanwhile.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        if (IsEmpty)
        {
            Release();
            _ = await stream.ReadAsync(Memory<byte>.Empty, cancellationToken);
        }
    }

    /// <summary>Gives the memory back if nothing is in it.</summary>
    public void Release()
    {
        if (IsEmpty && _bytes.Length > 0)
        {
            BufferStock.GiveBack(_bytes);
            (_bytes, _start, _end) = ([], 0, 0);
        }
    }

    private void MakeRoom()
    {
        var there = _end - _start;
        if (there >= LargestHead)
        {
            throw new AnswerMalformed($"a head or line of more than {LargestHead} bytes");
        }

        var target = there > _bytes.Length / 2 ? BufferStock.Take(_bytes.Length * 2) : _bytes;
        _bytes.AsSpan(_start.._end).CopyTo(target);
        if (target != _bytes)
        {
            BufferStock.GiveBack(_bytes);
            _bytes = target;
        }

        (_start, _end) = (0, there);
    }
}
