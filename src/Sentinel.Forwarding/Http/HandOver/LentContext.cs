using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Sentinel.Forwarding.Http.Tls;
using Sentinel.Forwarding.Http.Transports;

namespace Sentinel.Forwarding.Http.HandOver;

/// <summary>
/// A connection as Kestrel sees it, with the client's own address and the sentinel's record of it among the features of every
/// request. Only lent: when Kestrel is done with it, whoever lent it closes it. What Kestrel forgets is taken back.
/// </summary>
/// <remarks>
/// Kestrel waits without end for some of the streams of HTTP/2 that were reset the moment they began
/// (https://github.com/dotnet/aspnetcore/issues/51307, open since 2023): a client may leave as many such connections as it likes, and each would count to
/// the end of this process.
/// </remarks>
internal sealed class LentContext : DefaultConnectionContext, IMemoryPoolFeature
{
    // Once the client has gone and no request is at work: milliseconds are the rule.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static long _lastId;

    private readonly ClientConnection _connection;
    private readonly ClientTransport _transport;
    private readonly IAbandonablePipe _pipe;
    private readonly TaskCompletionSource _returned = new();
    private ITimer? _reminder;

    /// <param name="pipe">What is left to read, and where answers go: the transport, or what is inside its TLS.</param>
    /// <param name="tls">How it is encrypted; null: it is not.</param>
    public LentContext(ClientConnection connection, ClientTransport transport, IAbandonablePipe pipe, TlsFeature? tls)
        : base(Interlocked.Increment(ref _lastId).ToString("x8", CultureInfo.InvariantCulture))
    {
        (_connection, _transport, _pipe, Transport, ConnectionClosed) = (connection, transport, pipe, pipe, transport.Closed);
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

    /// <summary>Waits until Kestrel is done with it, or has forgotten it.</summary>
    public async Task WhenReturnedAsync()
    {
        await using (ConnectionClosed.UnsafeRegister(static context => ((LentContext)context!).RemindLater(), this))
        {
            await _returned.Task;
        }

        _reminder?.Dispose();
    }

    // Kestrel may have no reason.
    public override void Abort(ConnectionAbortedException? abortReason) => _transport.Abort(abortReason?.Message ?? "It was ended.");

    [SuppressMessage("Usage", "CA2215:Dispose methods should call base class dispose", Justification = "The base would dispose of a source of its own that nothing uses.")]
    public override ValueTask DisposeAsync()
    {
        _returned.TrySetResult();
        return ValueTask.CompletedTask;
    }

    private void RemindLater() =>
        _reminder = _connection.Gate.Time.CreateTimer(static context => ((LentContext)context!).TakeBackIfForgotten(), this, Patience, Patience);

    private void TakeBackIfForgotten()
    {
        if (!_connection.HasRequests)
        {
            _pipe.Abandon();
            _transport.Abandon();
            _returned.TrySetResult();
        }
    }
}
