using System.Net;
using System.Net.Sockets;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>Connects a socket without .NET, in whose own epoll it would stay for its whole life: each answer would wake a second thread.</summary>
internal sealed class LoopDial(SocketLoop loop)
{
    /// <summary>What was connected.</summary>
    public LoopSocket? Connected { get; private set; }

    /// <summary>For a <see cref="Dialler"/>. The socket is disposed unless it connects.</summary>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async ValueTask<DialOutcome> ConnectAsync(Socket socket, IPEndPoint target, CancellationToken cancellationToken)
    {
        socket.Blocking = false;
        if (SocketCalls.Connect(socket.SafeHandle, target) is not (0 or Errno.InProgress) and var refusal)
        {
            socket.Dispose();
            return Errno.ToDialOutcome(refusal);
        }

        var onLoop = loop.Add(socket, withWriting: true);
        try
        {
            using var giveUp = cancellationToken.UnsafeRegister(static onLoop => ((LoopSocket)onLoop!).WakeWriter(), onLoop);
            await onLoop.WaitWritableAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
        catch
        {
            onLoop.Close();
            throw;
        }

        if (SocketCalls.ErrorOf(socket.SafeHandle) is not 0 and var error)
        {
            onLoop.Close();
            return Errno.ToDialOutcome(error);
        }

        Connected = onLoop;
        return DialOutcome.Connected;
    }
}
