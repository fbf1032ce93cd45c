using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Relay.Managed;

/// <summary>
/// Sends, and always knows how much was sent. .NET's own send goes on until everything is taken, and when it is cancelled
/// nobody can tell how far it came; a connection that is to go on elsewhere needs to know.
/// </summary>
internal static partial class PartialSend
{
    private const int DontWait = 0x40;
    private const int NoSignal = 0x4000;

    /// <summary>Sends at least one byte.</summary>
    /// <param name="cancellationToken">Cancelled, nothing was sent by this call.</param>
    /// <returns>How many.</returns>
    /// <exception cref="SocketException">The connection is broken.</exception>
    public static ValueTask<int> SomeAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux())
        {
            // Where nothing is ever handed over.
            return socket.SendAsync(bytes, cancellationToken);
        }

        var sent = (int)Send(socket.SafeHandle, bytes.Span, (nuint)bytes.Length, DontWait | NoSignal);
        if (sent > 0)
        {
            return new(sent);
        }

        var error = new SocketException(); // of the last P/Invoke's error
        return error.SocketErrorCode is SocketError.WouldBlock or SocketError.Interrupted
            ? socket.SendAsync(bytes[..1], cancellationToken) // a single byte is sent or is not; then there is room for more
            : ValueTask.FromException<int>(error);
    }

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(SafeHandle socket, ReadOnlySpan<byte> bytes, nuint length, int flags);
}
