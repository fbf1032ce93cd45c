using System.Net;
using System.Net.Sockets;
using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay;

/// <summary>Opens connections to backends.</summary>
/// <param name="time">Measures the timeout.</param>
/// <param name="connect">Connects a socket and says how that went; .NET does unless given.</param>
internal sealed class Dialler(TimeProvider time, Func<Socket, IPEndPoint, CancellationToken, ValueTask<DialOutcome>>? connect = null)
{
    /// <summary>Makes one attempt. A name is resolved each time, and its addresses are tried in turn, all within the one timeout.</summary>
    /// <param name="host">An IP address or a name.</param>
    /// <param name="source">The address that the backend is to see, of a client; null: this machine's.</param>
    /// <returns>A socket with the options of <see cref="DeadPeer"/>; or null and why not.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public async ValueTask<(Socket? Socket, DialOutcome Outcome)> DialAsync(string host, int port, TimeSpan timeout, CancellationToken cancellationToken, IPAddress? source = null)
    {
        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            if (IPAddress.TryParse(host, out var address))
            {
                return await ConnectAsync(address, port, source, either.Token).ConfigureAwait(false);
            }

            (Socket? Socket, DialOutcome Outcome) last = (null, DialOutcome.Unresolved);
            foreach (var candidate in await Dns.GetHostAddressesAsync(host, either.Token).ConfigureAwait(false))
            {
                last = await ConnectAsync(candidate, port, source, either.Token).ConfigureAwait(false);
                if (last.Socket is not null)
                {
                    break;
                }
            }

            return last;
        }
        catch (SocketException e)
        {
            return (null, e.SocketErrorCode is SocketError.TooManyOpenSockets ? DialOutcome.Exhausted : DialOutcome.Unresolved);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, DialOutcome.TimedOut);
        }
    }

    private async ValueTask<(Socket? Socket, DialOutcome Outcome)> ConnectAsync(IPAddress address, int port, IPAddress? source, CancellationToken cancellationToken)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (Descriptors.IsLastForBackends(socket.Handle))
            {
                socket.Dispose();
                return (null, DialOutcome.Exhausted);
            }

            if (source is not null && TransparentSource.Take((int)socket.Handle, source, address) is var outcome and not DialOutcome.Connected)
            {
                socket.Dispose();
                return (null, outcome);
            }

            DeadPeer.Watch(socket);
            if (connect is not null)
            {
                var connected = await connect(socket, new(address, port), cancellationToken).ConfigureAwait(false);
                return (connected == DialOutcome.Connected ? socket : null, connected);
            }

            await socket.ConnectAsync(new IPEndPoint(address, port), cancellationToken).ConfigureAwait(false);
            return (socket, DialOutcome.Connected);
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            return (null, DialOutcomes.Of(e.SocketErrorCode));
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }
}
