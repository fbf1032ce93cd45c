using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Sentinel.Forwarding.Http.Tls;
using Sentinel.Forwarding.Http.Transports;

namespace Sentinel.Forwarding.Http.HandOver;

/// <summary>
/// A connection as Kestrel sees it, with the client's own address and the sentinel's record of it among the features of every
/// request. Only lent: when Kestrel is done with it, whoever lent it closes it.
/// </summary>
internal sealed class LentContext : DefaultConnectionContext, IMemoryPoolFeature
{
    private static long _lastId;

    private readonly ClientTransport _transport;
    private readonly TaskCompletionSource _returned = new();

    /// <param name="pipe">What is left to read, and where answers go: the transport, or what is inside its TLS.</param>
    /// <param name="tls">How it is encrypted; null: it is not.</param>
    public LentContext(ClientConnection connection, ClientTransport transport, IDuplexPipe pipe, TlsFeature? tls)
        : base(Interlocked.Increment(ref _lastId).ToString("x8", CultureInfo.InvariantCulture))
    {
        (_transport, Transport, ConnectionClosed) = (transport, pipe, transport.Closed);
        RemoteEndPoint = connection.EndPoint;
        Features.Set(connection);
        Features.Set<IMemoryPoolFeature>(this);
        if (tls is not null)
        {
            Features.Set<ITlsConnectionFeature>(tls);
            Features.Set<ITlsApplicationProtocolFeature>(tls);
        }
    }

    public MemoryPool<byte> MemoryPool => _transport.Memory;

    /// <summary>When Kestrel is done with it.</summary>
    public Task Returned => _returned.Task;

    // Kestrel may have no reason.
    public override void Abort(ConnectionAbortedException? abortReason) => _transport.Abort(abortReason?.Message ?? "It was ended.");

    [SuppressMessage("Usage", "CA2215:Dispose methods should call base class dispose", Justification = "The base would dispose of a source of its own that nothing uses.")]
    public override ValueTask DisposeAsync()
    {
        _returned.TrySetResult();
        return ValueTask.CompletedTask;
    }
}
