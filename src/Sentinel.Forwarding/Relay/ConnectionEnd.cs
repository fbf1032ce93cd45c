namespace Sentinel.Forwarding.Relay;

/// <summary>Why a connection ended. The first reason wins.</summary>
public enum ConnectionEnd
{
    /// <summary>Both sides finished.</summary>
    Completed,

    /// <summary>The client's side broke: reset or timed out.</summary>
    ClientReset,

    /// <summary>The backend's side broke: reset or timed out.</summary>
    BackendReset,

    /// <summary>Nothing moved for the idle timeout; or what must come first, such as a request's head, was not whole within the header's.</summary>
    Idle,

    /// <summary>The backend was declared down.</summary>
    BackendDown,

    /// <summary>No backend could be reached, and waiting was over or not allowed.</summary>
    NoBackend,

    /// <summary>As many were waiting as may.</summary>
    HoldFull,

    /// <summary>The client left while it waited.</summary>
    ClientLeft,

    /// <summary>The listener had as many connections as it may.</summary>
    ListenerFull,

    /// <summary>The client had as many connections as it may.</summary>
    ClientFull,

    /// <summary>The client did not begin as it must: its PROXY header was missing, malformed, too long or late.</summary>
    BadPreface,

    /// <summary>The listener or the daemon stopped, and the time to drain was over.</summary>
    Stopped,

    /// <summary>A fault of ours, logged with its exception.</summary>
    Failed,

    /// <summary>TLS was expected, and the client did not speak it or would not agree.</summary>
    HandshakeFailed,
}

/// <summary>The names that metrics and logs use.</summary>
public static class ConnectionEndNames
{
    private static readonly string[] Names =
    [
        "completed", "client_reset", "backend_reset", "idle", "backend_down", "no_backend",
        "hold_full", "client_left", "listener_full", "client_full", "bad_preface", "stopped", "failed", "handshake_failed",
    ];

    /// <summary>The reason's name in snake case.</summary>
    public static string ToName(this ConnectionEnd end) => Names[(int)end];
}
