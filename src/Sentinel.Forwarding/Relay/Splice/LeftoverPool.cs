using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>
/// Memory for bytes that were received and did not go out at once, outside the managed heap. Three sizes, so that ten
/// thousand slow readers of small messages do not own a large buffer each; and any size for what another process had
/// in hand.
/// </summary>
internal sealed unsafe class LeftoverPool
{
    private const int MostIdle = 16;

    private static readonly int[] Sizes = [4 * 1024, 16 * 1024, Pump.BufferSize];

    private readonly Stack<nint>[] _idle = [new(MostIdle), new(MostIdle), new(MostIdle)];

    /// <summary>Blocks handed out and not given back.</summary>
    public int InUse { get; private set; }

    public byte* Take(int length)
    {
        var size = SizeClass(length);
        InUse++;
        if (size == Sizes.Length)
        {
            return (byte*)NativeMemory.Alloc((nuint)length);
        }

        return _idle[size].TryPop(out var block) ? (byte*)block : (byte*)NativeMemory.Alloc((nuint)Sizes[size]);
    }

    /// <param name="length">The length asked for in <see cref="Take"/>.</param>
    public void Return(byte* block, int length)
    {
        var size = SizeClass(length);
        InUse--;
        if (size < Sizes.Length && _idle[size].Count < MostIdle)
        {
            _idle[size].Push((nint)block);
        }
        else
        {
            NativeMemory.Free(block);
        }
    }

    /// <summary>Frees what nobody uses.</summary>
    public void Trim()
    {
        foreach (var idle in _idle)
        {
            while (idle.TryPop(out var block))
            {
                NativeMemory.Free((void*)block);
            }
        }
    }

    private static int SizeClass(int length) => length <= Sizes[0] ? 0 : length <= Sizes[1] ? 1 : length <= Sizes[2] ? 2 : Sizes.Length;
}
