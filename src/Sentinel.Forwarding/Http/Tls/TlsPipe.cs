using System.Buffers;
using System.IO.Pipelines;
using System.Net.Security;
using Sentinel.Forwarding.Http.Transports;

namespace Sentinel.Forwarding.Http.Tls;

/// <summary>What is inside a TLS connection, as Kestrel wants it.</summary>
internal sealed class TlsPipe(SslStream tls, MemoryPool<byte> memory) : IAbandonablePipe
{
    private volatile bool _isAbandoned;

    // A record holds up to 16 KiB, and reading without a buffer means that an idle connection holds none.
    public PipeReader Input { get; } = PipeReader.Create(tls, new(memory, bufferSize: 4096, minimumReadSize: 1024, leaveOpen: true, useZeroByteReads: true));

    public PipeWriter Output { get; } = PipeWriter.Create(tls, new(memory, leaveOpen: true));

    public void Abandon() => _isAbandoned = true;

    public async ValueTask CompleteAsync()
    {
        if (_isAbandoned)
        {
            return;
        }

        await Input.CompleteAsync();
        await Output.CompleteAsync();
    }
}
