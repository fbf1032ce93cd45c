using System.Buffers;
using Sentinel.Forwarding.Http.Upstreams.Http1;

namespace Sentinel.Forwarding.Http.Plain;

/// <summary>Bytes both ways after 101 Switching Protocols. One side may say that it sends no more, and still hears the other out.</summary>
/// <param name="client">The client's side.</param>
/// <param name="endClient">Tells the client that nothing more comes.</param>
/// <param name="backend">The backend's side.</param>
internal sealed class Tunnel(Stream client, Func<ValueTask> endClient, SwitchedStream backend)
{
    private const int PieceSize = 64 * 1024;

    /// <summary>Returns when both sides have ended. If it fails, the client's side is the caller's to break off.</summary>
    /// <exception cref="Upstreams.UpstreamFailure">The backend's side broke.</exception>
    /// <exception cref="IOException">The client's side broke.</exception>
    public async Task RunAsync()
    {
        using var stop = new CancellationTokenSource();
        var (up, down) = (CopyAsync(client, backend, backend.EndSendingAsync, stop.Token), CopyAsync(backend, client, endClient, stop.Token));
        try
        {
            await await Task.WhenAny(up, down);
            await Task.WhenAll(up, down);
        }
        catch (Exception)
        {
            await stop.CancelAsync();
            await backend.DisposeAsync();
            await Task.WhenAll(up, down).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    private static async Task CopyAsync(Stream from, Stream to, Func<ValueTask> end, CancellationToken stop)
    {
        var turns = new Turns();
        while (true)
        {
            // no memory is held while nothing comes
            _ = await from.ReadAsync(Memory<byte>.Empty, stop);
            var piece = ArrayPool<byte>.Shared.Rent(PieceSize);
            try
            {
                var length = await from.ReadAsync(piece.AsMemory(), stop);
                if (length == 0)
                {
                    break;
                }

                await to.WriteAsync(piece.AsMemory(0, length), stop);
                if (turns.IsOver(length))
                {
                    await Task.Yield();
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(piece);
            }
        }

        await end();
    }
}
