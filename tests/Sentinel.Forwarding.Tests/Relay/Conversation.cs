using System.Collections.Concurrent;
using System.Net.Sockets;
using Sentinel.Forwarding.Tests.Kit;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Relay;

/// <summary>Both parts of one random conversation. The same seed gives the same script on both sides.</summary>
internal sealed class Conversation
{
    private readonly Part _client;
    private readonly Part _backend;
    private readonly int _seed;

    public Conversation(int seed)
    {
        _seed = seed;
        var random = new Random(seed);
        (_client, _backend) = (new(random), new(random));
        if (_client.BreaksOff)
        {
            // One reset a conversation: after it the other side's fate is not its own.
            _backend = _backend with { BreaksOff = false };
        }
    }

    /// <summary>Whether one side ends it with a reset.</summary>
    public bool IsBrokenOff => _client.BreaksOff || _backend.BreaksOff;

    /// <summary>What backends saw that must not be: they cannot fail a test themselves.</summary>
    public static ConcurrentQueue<string> Troubles { get; } = [];

    /// <summary>Plays the backend of whichever conversation the first four bytes say it is.</summary>
    /// <param name="played">Called at its end, however it ends.</param>
    public static async Task AnswerAsync(Socket socket, Action played)
    {
        try
        {
            var seed = new byte[4];
            await using var stream = new NetworkStream(socket, ownsSocket: false);
            await stream.ReadExactlyAsync(seed);
            await new Conversation(BitConverter.ToInt32(seed)).PlayAsync(socket, isClient: false);
        }
        finally
        {
            played();
        }
    }

    /// <returns>What went wrong, or null.</returns>
    public async Task<string?> PlayAsync(Socket socket, bool isClient)
    {
        var (mine, theirs) = isClient ? (_client, _backend) : (_backend, _client);
        var sending = SendAsync(socket, mine);
        var (received, ended, trouble) = await ReceiveAsync(socket, theirs);
        var failure = await sending;
        var aReset = mine.BreaksOff || theirs.BreaksOff;

        // Linux reports a reset once: if sending has met it, reading sees an orderly end.
        trouble ??= ended && theirs.BreaksOff && failure is null ? "a stream that was broken off came to an orderly end"
            : failure is not null && !aReset ? $"sending failed: {failure}"
            : received != theirs.Length && !aReset ? $"{received} of {theirs.Length} bytes came" : null;
        if (trouble is not null && !isClient)
        {
            Troubles.Enqueue($"seed {_seed}: {trouble}");
        }

        return trouble;
    }

    private static async Task<SocketError?> SendAsync(Socket socket, Part part)
    {
        try
        {
            var random = new Random(part.Seed);
            for (var sent = 0; sent < part.Length;)
            {
                var piece = new byte[Math.Min(part.Length - sent, 1 + random.Next(part.LongestPiece))];
                for (var i = 0; i < piece.Length; i++)
                {
                    piece[i] = part.At(sent + i);
                }

                await socket.SendAllAsync(piece);
                sent += piece.Length;
            }

            if (part.BreaksOff)
            {
                socket.Reset();
            }
            else
            {
                socket.Shutdown(SocketShutdown.Send);
            }

            return null;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
        catch (ObjectDisposedException)
        {
            return SocketError.OperationAborted;
        }
    }

    private static async Task<(int Received, bool Ended, string? Trouble)> ReceiveAsync(Socket socket, Part part)
    {
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        var buffer = new byte[1 + new Random(part.Seed).Next(100_000)];
        var received = 0;
        try
        {
            int n;
            while ((n = await socket.ReceiveAsync(buffer, deadline.Token)) > 0)
            {
                for (var i = 0; i < n; i++, received++)
                {
                    if (received >= part.Length || buffer[i] != part.At(received))
                    {
                        return (received, false, $"byte {received} is not what was sent");
                    }
                }
            }

            return (received, true, null);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return (received, false, null);
        }
        catch (OperationCanceledException)
        {
            return (received, false, "nothing came any more");
        }
    }

    /// <summary>What one side sends, and how it ends.</summary>
    private sealed record Part(int Seed, int Length, int LongestPiece, bool BreaksOff)
    {
        public Part(Random random)
            : this(random.Next(), Lengths(random), 1, random.Next(5) == 0)
        {
            // A few hundred pieces at most, however small the least of them.
            LongestPiece = Math.Max(1 << random.Next(1, 18), Length / 300);
        }

        public byte At(int position) => (byte)((position * 31) ^ (position >> 8) ^ Seed);

        private static int Lengths(Random random) => random.Next(4) switch
        {
            0 => 0,
            1 => random.Next(100),
            2 => random.Next(100_000),
            _ => random.Next(1_000_000),
        };
    }
}
