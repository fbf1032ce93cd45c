using System.Net;
using System.Net.Sockets;
using Sentinel.Backends;

namespace Sentinel.Forwarding.HandOver;

/// <summary>
/// One live relay on its way from one process to the next: its two sockets, and what their bytes do not tell. Nothing
/// of it is held by an engine any more. Disposing closes the sockets of this process.
/// </summary>
internal sealed class KeptRelay : IDisposable
{
    /// <summary>The name of its listener.</summary>
    public required string Listener { get; init; }

    /// <summary>The pool it was routed to.</summary>
    public required PoolId Pool { get; init; }

    /// <summary>Whom it was connected to.</summary>
    public required BackendId Backend { get; init; }

    /// <summary>Who the client is, for the log and the limits.</summary>
    public required IPEndPoint Client { get; init; }

    /// <summary>When it was admitted.</summary>
    public required DateTimeOffset Start { get; init; }

    /// <summary>Whether it ends when its backend is declared down.</summary>
    public bool ClosesOnDown { get; init; }

    public required SafeSocketHandle ClientSocket { get; init; }

    public required SafeSocketHandle BackendSocket { get; init; }

    public KeptFlow ToBackend { get; init; } = new();

    public KeptFlow ToClient { get; init; } = new();

    /// <inheritdoc/>
    public void Dispose()
    {
        ClientSocket.Dispose();
        BackendSocket.Dispose();
    }
}

/// <summary>One direction of a kept relay.</summary>
internal sealed record KeptFlow
{
    /// <summary>Bytes passed on so far.</summary>
    public long Bytes { get; init; }

    /// <summary>Bytes that were read from the sender and not yet taken by the receiver: the first that must be sent.</summary>
    public ReadOnlyMemory<byte> Unsent { get; init; }

    /// <summary>The sender has finished and the receiver was told.</summary>
    public bool IsOver { get; init; }
}
