using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Http.Transports;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>What goes to a client: gathered, and given to the system in one call. Whoever flushes waits until it has taken everything. Holds memory only meanwhile.</summary>
internal sealed class LoopWriter(IPromptSocket socket, IByteCount count) : PipeWriter
{
    private byte[] _bytes = [];
    private int _sent;
    private int _length;
    private volatile bool _isAbandoned;
    private bool _isOver;
    private int _isCancelled;
    private TaskCompletionSource? _flushing;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _length - _sent;

    public override void Advance(int bytes) => _length += bytes;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _bytes.AsMemory(_length);
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _bytes.AsSpan(_length);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        TrySend() ? new(new FlushResult(isCanceled: false, _isOver)) : FlushLaterAsync(cancellationToken);

    public override void CancelPendingFlush()
    {
        Volatile.Write(ref _isCancelled, 1);
        socket.WakeWriter();
    }

    public override void Complete(Exception? exception = null)
    {
    }

    /// <summary>Nobody writes any more: what is still here goes out, unless the connection ends first.</summary>
    public async ValueTask FinishAsync()
    {
        if (_isAbandoned)
        {
            return;
        }

        if (_flushing is { } flushing)
        {
            await flushing.Task;
        }

        while (!TrySend())
        {
            await socket.WaitWritableAsync();
        }

        Release();
    }

    /// <summary>Whoever writes may do so at any time still, and is not waited for: what it holds becomes nobody else's. Any thread.</summary>
    public void Abandon() => _isAbandoned = true;

    /// <returns>Whether all is sent, or nothing ever will be.</returns>
    private bool TrySend()
    {
        try
        {
            while (_sent < _length && !_isOver)
            {
                if (socket.TrySend(_bytes.AsSpan(_sent.._length)) is var sent && sent < 0)
                {
                    return false;
                }

                _sent += sent;
                count.ToClient(sent);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            _isOver = true;
        }

        Release();
        return true;
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<FlushResult> FlushLaterAsync(CancellationToken cancellationToken)
    {
        var flushing = _flushing = new(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            using var giveUp = cancellationToken.UnsafeRegister(static writer => ((LoopWriter)writer!).CancelPendingFlush(), this);
            do
            {
                // asked for after the call that was in vain, which uses up the news that came with it
                if (Interlocked.Exchange(ref _isCancelled, 0) != 0)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    return new(isCanceled: true, isCompleted: false);
                }

                await socket.WaitWritableAsync();
            }
            while (!TrySend());
            return new(isCanceled: false, _isOver);
        }
        finally
        {
            _flushing = null;
            flushing.SetResult();
        }
    }

    private void MakeRoom(int sizeHint)
    {
        var needed = Math.Max(sizeHint, 1);
        if (_bytes.Length - _length >= needed)
        {
            return;
        }

        var target = BufferStock.Take(Math.Max(_bytes.Length * 2, _length + needed));
        _bytes.AsSpan(0, _length).CopyTo(target);
        if (_bytes.Length > 0)
        {
            BufferStock.GiveBack(_bytes);
        }

        _bytes = target;
    }

    private void Release()
    {
        if (_bytes.Length > 0)
        {
            BufferStock.GiveBack(_bytes);
        }

        (_bytes, _sent, _length) = ([], 0, 0);
    }
}
