using System.Net.Sockets;

namespace Sentinel.Recovery.Watching.Probes;

internal static class ProbeKinds
{
    public static IProbe For(HealthSettings settings) => settings.Kind switch
    {
        HealthKind.Tcp => new TcpProbe(settings.Port),
        HealthKind.Http => new HttpProbe(settings.Port, settings.Path),
        HealthKind.Tls => new TlsProbe(settings.Port),
        HealthKind.Ssh => new SshProbe(settings.Port),
        HealthKind.Grpc => new GrpcProbe(settings.Port),
        _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Kind, null),
    };

    /// <summary>What went wrong, in the words of its innermost cause.</summary>
    public static string Describe(Exception fault)
    {
        var cause = fault;
        while (cause.InnerException is { } inner)
        {
            cause = inner;
        }

        return cause is SocketException socket
            ? socket.SocketErrorCode switch
            {
                SocketError.ConnectionRefused => "connection refused",
                SocketError.ConnectionReset => "connection reset",
                SocketError.HostUnreachable or SocketError.NetworkUnreachable => "unreachable",
                SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "the name does not resolve",
                _ => socket.Message,
            }
            : cause.Message;
    }
}
