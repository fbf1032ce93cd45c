using System.Buffers;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>
/// Memory that is lent for as long as something is in it. A loop lends small pieces by itself, and the last that came back first, which is the
/// likeliest to be in the processor's cache still.
/// </summary>
/// <remarks>.NET's shared pool keeps 32 of a size for each processor: of a crowd that comes in one turn, the rest was made anew each time.</remarks>
internal static class Lent
{
    /// <summary>Of a small piece: bytes.</summary>
    private const int Size = 4096;

    // As many clients as may wait for backends at once without one being made: a mebibyte for each loop.
    private const int Most = 256;

    [ThreadStatic]
    private static Stack<byte[]>? _stock;

    /// <summary>From here on, this thread lends by itself.</summary>
    public static void StockHere() => _stock = new(Most);

    /// <summary>Any thread may give it back.</summary>
    /// <returns>No less, and perhaps more.</returns>
    public static byte[] Take(int least) =>
        least > Size || _stock is not { } stock ? ArrayPool<byte>.Shared.Rent(Math.Max(least, Size))
        : stock.TryPop(out var piece) ? piece
        : new byte[Size];

    public static void GiveBack(byte[] piece)
    {
        if (piece.Length != Size || _stock is not { } stock)
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
        else if (stock.Count < Most)
        {
            stock.Push(piece);
        }
    }
}
