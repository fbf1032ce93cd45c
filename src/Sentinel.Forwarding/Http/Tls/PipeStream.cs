using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Sentinel.Forwarding.Http.Awaiting;

namespace Sentinel.Forwarding.Http.Tls;

/// <summary>A pair of pipes as the stream that <see cref="System.Net.Security.SslStream"/> wants. Everything written goes out at once.</summary>
internal sealed class PipeStream(IDuplexPipe pipe) : AsyncStream
{
    public override bool CanRead => true;

    public override bool CanWrite => true;

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> target, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var read = await pipe.Input.ReadAsync(cancellationToken);
            if (read.IsCanceled)
            {
                pipe.Input.AdvanceTo(read.Buffer.Start);
                throw new OperationCanceledException();
            }

            var taken = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, target.Length));
            taken.CopyTo(target.Span);
            var length = (int)taken.Length;
            var isAny = !read.Buffer.IsEmpty;
            pipe.Input.AdvanceTo(taken.End);
            if (isAny || read.IsCompleted)
            {
                return length;
            }
        }
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        var flushed = await pipe.Output.WriteAsync(source, cancellationToken);
        if (flushed.IsCompleted)
        {
            throw new IOException("The client's side is closed.");
        }
    }
}
