using System.Buffers;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>
/// Memory that is lent for as long as something is in it. A loop lends small pieces by itself, and the last that came back first, which is the
/// likeliest to be in the processor's cache still.
/// </summary>
/// <remarks>.NET's shared pool, which helps out, keeps 32 of a size for each processor: of a crowd that waits at once, the rest was made anew each time.</remarks>
internal static class BufferStock
{
    /// <summary>Of a small piece: bytes.</summary>
    public const int Size = 4096;

    // Who waits for a backend holds two: what was asked, and what is asked of the backend. Two mebibytes for each loop.
    private const int Most = 512;

    [ThreadStatic]
    private static Stack<byte[]>? _stock;

    /// <summary>From here on, this thread lends by itself.</summary>
    public static void StockHere() => _stock = new(Most);

    /// <param name="least">Bytes.</param>
    /// <returns>Perhaps more.</returns>
    public static byte[] Take(int least) =>
        least <= Size && _stock?.TryPop(out var piece) == true ? piece : ArrayPool<byte>.Shared.Rent(Math.Max(least, Size));

    /// <summary>To be called once, on any thread: it becomes somebody else's.</summary>
    public static void GiveBack(byte[] piece)
    {
        if (piece.Length == Size && _stock is { Count: < Most } stock)
        {
            stock.Push(piece);
        }
        else
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }
}
