using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Sentinel.Forwarding.Http.Awaiting;

namespace Sentinel.Forwarding.Http.Transports;

/// <summary>Told of every byte that passes between a client and the HTTP layer. Called on whatever thread moves them.</summary>
internal interface IByteCount
{
    void FromClient(long bytes);

    void ToClient(long bytes);

    /// <summary>Reading failed: the client's side broke.</summary>
    void ClientBroke();
}

/// <summary>A connection's transport that counts what passes, without copying it.</summary>
internal sealed class CountingPipe(IDuplexPipe inner, IByteCount count) : IDuplexPipe
{
    public PipeReader Input { get; } = new CountingReader(inner.Input, count);

    public PipeWriter Output { get; } = new CountingWriter(inner.Output, count);

    private sealed class CountingReader(PipeReader inner, IByteCount count) : PipeReader
    {
        private ReadOnlySequence<byte> _buffer;

        // The length of what a read left behind and the next read shows again.
        private long _known;

        public override bool TryRead(out ReadResult result)
        {
            if (!inner.TryRead(out result))
            {
                return false;
            }

            Note(result);
            return true;
        }

        [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            try
            {
                return Note(await inner.ReadAsync(cancellationToken));
            }
            catch (IOException)
            {
                count.ClientBroke();
                throw;
            }
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            _known = _buffer.Slice(consumed).Length;
            _buffer = default;
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        private ReadResult Note(ReadResult result)
        {
            _buffer = result.Buffer;
            if (_buffer.Length - _known is > 0 and var arrived)
            {
                _known = _buffer.Length;
                count.FromClient(arrived);
            }

            return result;
        }
    }

    private sealed class CountingWriter(PipeWriter inner, IByteCount count) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes)
        {
            count.ToClient(bytes);
            inner.Advance(bytes);
        }

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            count.ToClient(source.Length);
            return inner.WriteAsync(source, cancellationToken);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);
    }
}
