using System.Net;
using Sentinel.Backends;

namespace Sentinel.Forwarding.HandOver;

/// <summary>
/// One connection on its way from one process to the next: its sockets, and what their bytes do not tell. Nothing
/// of it is held by an engine any more. Disposing closes the descriptors of this process.
/// </summary>
internal sealed class KeptConnection : IDisposable
{
    /// <summary>The name of its listener.</summary>
    public required string Listener { get; init; }

    /// <summary>Who the client is, for the log and the limits.</summary>
    public required IPEndPoint Client { get; init; }

    /// <summary>What the client connected to, if a proxy has said so.</summary>
    public IPEndPoint? Reached { get; init; }

    /// <summary>It must still show a PROXY header, and <see cref="Client"/> is the proxy.</summary>
    public bool IsUnknown { get; init; }

    /// <summary>When it was admitted.</summary>
    public required DateTimeOffset Start { get; init; }

    public required Descriptor ClientSocket { get; init; }

    /// <summary>Null: the client waits for a backend still.</summary>
    public KeptRelay? Relay { get; init; }

    /// <summary><see cref="Start"/> as a timestamp of this process's clock.</summary>
    public long StartOn(TimeProvider time) => // never in the future, should the wall clock have been set back meanwhile
        time.GetTimestamp() - Math.Max(0, (long)((time.GetUtcNow() - Start).TotalSeconds * time.TimestampFrequency));

    /// <summary>Ends it for both sides, who must not take that for an orderly end.</summary>
    public void Reset()
    {
        ClientSocket.Reset();
        Relay?.BackendSocket.Reset();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ClientSocket.Dispose();
        Relay?.BackendSocket.Dispose();
    }
}

/// <summary>What a connection has beyond its client.</summary>
internal sealed class KeptRelay
{
    /// <summary>Whom it is connected to.</summary>
    public required BackendId Backend { get; init; }

    /// <summary>Whether it ends when its backend is declared down.</summary>
    public required bool ClosesOnDown { get; init; }

    public required Descriptor BackendSocket { get; init; }

    public KeptFlow ToBackend { get; init; } = KeptFlow.Fresh;

    public KeptFlow ToClient { get; init; } = KeptFlow.Fresh;

    /// <summary>The backend as it is here. One that the configuration has no more is nobody's choice and always down.</summary>
    public Backend BackendIn(PoolTable pools) => pools.Current.Backends.GetValueOrDefault(Backend) ?? new()
    {
        Definition = new() { Id = Backend },
        Status = new(BackendState.Unknown, Healthy: false, default, "not configured"),
        Load = new(),
    };
}

/// <summary>One direction of a relay.</summary>
internal sealed record KeptFlow
{
    /// <summary>Nothing has gone through yet.</summary>
    public static KeptFlow Fresh { get; } = new();

    /// <summary>Bytes passed on so far.</summary>
    public long Bytes { get; init; }

    /// <summary>Bytes that were read from the sender and not yet taken by the receiver: the first that must be sent.</summary>
    public ReadOnlyMemory<byte> Unsent { get; init; }

    /// <summary>The sender has finished and the receiver was told.</summary>
    public bool IsOver { get; init; }
}
