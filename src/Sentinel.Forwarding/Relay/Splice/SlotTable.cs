namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>The connections of one loop, in pages that never move, so that a reference to a slot stays good.</summary>
internal sealed class SlotTable
{
    private const int PageBits = 8;
    private const int PageSize = 1 << PageBits;

    private readonly List<Slot[]> _pages = [];
    private readonly Stack<int> _free = new(PageSize);

    /// <summary>Slots in use.</summary>
    public int Count { get; private set; }

    /// <summary>One more than the highest index.</summary>
    public int Length => _pages.Count << PageBits;

    public ref Slot this[int index] => ref _pages[index >> PageBits][index & (PageSize - 1)];

    /// <summary>Takes a slot, cleared but for its generation.</summary>
    public int Take()
    {
        if (!_free.TryPop(out var index))
        {
            index = Grow();
        }

        Count++;
        return index;
    }

    /// <summary>Gives a slot back; whoever still names it by its old generation no longer finds it.</summary>
    public void Return(int index)
    {
        ref var slot = ref this[index];
        var generation = slot.Generation + 1;
        slot = default;
        slot.Generation = generation == 0 ? 1 : generation;
        slot.TimerBucket = -1;
        Count--;
        _free.Push(index);
    }

    private int Grow()
    {
        var page = new Slot[PageSize];
        for (var i = 0; i < PageSize; i++)
        {
            page[i].Generation = 1;
            page[i].TimerBucket = -1;
        }

        var first = Length;
        _pages.Add(page);
        for (var i = PageSize - 1; i > 0; i--)
        {
            _free.Push(first + i);
        }

        return first;
    }
}
