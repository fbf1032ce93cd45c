using System.Net;
using Sentinel.Backends;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Listeners;

/// <summary>What is told of a connection when it is over.</summary>
internal readonly record struct EndedConnection
{
    /// <summary>Who it was, for the per-client limit.</summary>
    public required ClientAddress Client { get; init; }

    /// <summary>Who it was, for the log.</summary>
    public required IPEndPoint? EndPoint { get; init; }

    /// <summary>When it was admitted: <see cref="TimeProvider.GetTimestamp"/> of the gate's clock.</summary>
    public required long Start { get; init; }

    public required ConnectionEnd End { get; init; }

    /// <summary>Null if none was ever reached; the last one for HTTP.</summary>
    public BackendId? Backend { get; init; }

    /// <summary>Bytes the client sent that were passed on.</summary>
    public long ToBackend { get; init; }

    /// <summary>Bytes the backend sent that were passed on.</summary>
    public long ToClient { get; init; }
}
