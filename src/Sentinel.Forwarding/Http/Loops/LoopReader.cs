using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Http.Transports;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>
/// What a client sends, read when it is asked for and not before: a client whom nobody reads is slowed down by the system.
/// Holds memory only while something is in it.
/// </summary>
internal sealed class LoopReader(IPromptSocket socket, IByteCount count) : PipeReader
{
    private const int Largest = 64 * 1024;

    // Whoever always has more to say, as a flood of requests in one go has, must let others have the loop.
    private const int MostInARow = 16;

    private byte[] _bytes = [];
    private ReadOnlySequence<byte> _shown;
    private int _start;
    private int _end;

    // Up to here, whoever reads has seen it and wants more.
    private int _examined;
    private int _wanted = BufferStock.Size;
    private bool _isOver;
    private int _isCancelled;
    private int _inARow;

    public override bool TryRead(out ReadResult result)
    {
        // Asked for once more after the call, which uses up the news that came with it.
        var isCancelled = IsCancelled();
        if (!isCancelled && _end == _examined && !_isOver && !(socket.IsReadable && TryFill()) && !(isCancelled = IsCancelled()))
        {
            result = default;
            return false;
        }

        _shown = _start == _end ? ReadOnlySequence<byte>.Empty : new(_bytes, _start, _end - _start);
        result = new(_shown, isCancelled, _isOver);
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        ++_inARow > MostInARow ? ReadElsewhereAsync(cancellationToken)
        : TryRead(out var result) ? new(result)
        : ReadLaterAsync(cancellationToken);

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        _examined = _end - (int)_shown.Slice(examined).Length;
        _start = _end - (int)_shown.Slice(consumed).Length;
        _shown = default;
        if (_start == _end)
        {
            Release();
        }
    }

    public override void CancelPendingRead()
    {
        Volatile.Write(ref _isCancelled, 1);
        socket.WakeReader();
    }

    public override void Complete(Exception? exception = null)
    {
        _isOver = true;
        Release();
    }

    private bool IsCancelled() => Interlocked.Exchange(ref _isCancelled, 0) != 0;

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<ReadResult> ReadElsewhereAsync(CancellationToken cancellationToken)
    {
        _inARow = 0;
        await Task.Yield();
        return await ReadAsync(cancellationToken);
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<ReadResult> ReadLaterAsync(CancellationToken cancellationToken)
    {
        _inARow = 0;
        using var giveUp = cancellationToken.UnsafeRegister(static socket => ((IPromptSocket)socket!).WakeReader(), socket);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await socket.WaitReadableAsync();
            if (TryRead(out var result))
            {
                return result;
            }
        }
    }

    /// <returns>Whether anything came, or the end.</returns>
    private bool TryFill()
    {
        MakeRoom();
        int length;
        try
        {
            length = socket.TryReceive(_bytes.AsSpan(_end));
        }
        catch (IOException e)
        {
            count.ClientBroke();
            throw new ConnectionResetException(e.Message, e);
        }
        catch (ObjectDisposedException e)
        {
            throw new ConnectionAbortedException("The connection was ended here.", e);
        }

        if (length < 0)
        {
            ReleaseIfEmpty();
            return false;
        }

        _wanted = _end + length == _bytes.Length ? Math.Min(_bytes.Length * 2, Largest) : BufferStock.Size;
        _end += length;
        _isOver = length == 0;
        ReleaseIfEmpty();
        if (length > 0)
        {
            count.FromClient(length);
        }

        return true;
    }

    private void MakeRoom()
    {
        var there = _end - _start;
        if (_bytes.Length == 0)
        {
            _bytes = BufferStock.Take(_wanted);
        }
        else if (_end == _bytes.Length)
        {
            // whoever reads bounds what he leaves here
            var target = there > _bytes.Length / 2 ? BufferStock.Take(_bytes.Length * 2) : _bytes;
            _bytes.AsSpan(_start.._end).CopyTo(target);
            if (target != _bytes)
            {
                BufferStock.GiveBack(_bytes);
                _bytes = target;
            }

            (_start, _end, _examined) = (0, there, _examined - _start);
        }
    }

    private void ReleaseIfEmpty()
    {
        if (_start == _end)
        {
            Release();
        }
    }

    private void Release()
    {
        if (_bytes.Length > 0)
        {
            BufferStock.GiveBack(_bytes);
            _bytes = [];
        }

        (_start, _end, _examined) = (0, 0, 0);
    }
}
