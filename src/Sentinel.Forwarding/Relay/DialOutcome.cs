using System.Net.Sockets;

namespace Sentinel.Forwarding.Relay;

/// <summary>What became of one attempt to reach a backend.</summary>
internal enum DialOutcome
{
    Connected,

    /// <summary>Its machine answered that nobody listens, or that it is not let through.</summary>
    Refused,

    /// <summary>No answer within the connect timeout.</summary>
    TimedOut,

    /// <summary>The network knows no way to it.</summary>
    Unreachable,

    /// <summary>Its name has no address.</summary>
    Unresolved,

    /// <summary>This machine is out of descriptors, ports or memory: no evidence against the backend.</summary>
    Exhausted,

    /// <summary>It has no address of the client's family, whose own address was to be kept: no evidence against the backend.</summary>
    OtherFamily,

    /// <summary>It was reached, and TLS could not be agreed upon: no answer to the handshake, or a certificate that is not trusted.</summary>
    TlsFailed,
}

internal static class DialOutcomes
{
    private static readonly string[] Names = ["connected", "refused", "timed_out", "unreachable", "unresolved", "exhausted", "other_family", "tls_failed"];

    /// <summary>As metrics have it.</summary>
    public static string ToName(this DialOutcome outcome) => Names[(int)outcome];

    /// <summary>What a failed connect says.</summary>
    public static DialOutcome Of(SocketError error) => error switch
    {
        SocketError.Success => DialOutcome.Connected,
        SocketError.TimedOut => DialOutcome.TimedOut,
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery => DialOutcome.Unresolved,
        SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.HostDown or SocketError.NetworkDown => DialOutcome.Unreachable,
        SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable or SocketError.AddressNotAvailable or SocketError.AddressAlreadyInUse => DialOutcome.Exhausted,
        _ => DialOutcome.Refused,
    };
}
