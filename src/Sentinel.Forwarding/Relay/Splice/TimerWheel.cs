using System.Numerics;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>
/// Deadlines of slots, one each, as doubly linked lists through the slots: arming and disarming touch a few numbers and
/// allocate nothing. A deadline further off than one turn of the wheel is passed over until its turn comes.
/// </summary>
internal sealed class TimerWheel
{
    /// <summary>Length of a tick. Deadlines are met up to one tick late.</summary>
    public const int TickMilliseconds = 32;

    private const int Buckets = 1024;
    private const int None = -1;

    private readonly SlotTable _slots;
    private readonly int[] _heads = new int[Buckets];
    private readonly ulong[] _occupied = new ulong[Buckets / 64];
    private long _visited;

    public TimerWheel(SlotTable slots)
    {
        _slots = slots;
        Array.Fill(_heads, None);
    }

    /// <summary>Ticks since the loop began, as the loop sees it. Never goes back.</summary>
    public long Now { get; set; }

    /// <summary>Sets or replaces the deadline of a slot, to a number of ticks from now, at least one.</summary>
    public void Arm(int index, long ticks)
    {
        ref var slot = ref _slots[index];
        Disarm(index);
        slot.Due = Now + Math.Max(1, ticks);
        var bucket = (int)(slot.Due % Buckets);
        slot.TimerBucket = (short)bucket;
        slot.TimerPrevious = None;
        slot.TimerNext = _heads[bucket];
        if (slot.TimerNext != None)
        {
            _slots[slot.TimerNext].TimerPrevious = index;
        }

        _heads[bucket] = index;
        _occupied[bucket / 64] |= 1UL << (bucket % 64);
    }

    /// <summary>Forgets the deadline of a slot, if it has one.</summary>
    public void Disarm(int index)
    {
        ref var slot = ref _slots[index];
        if (slot.TimerBucket == None)
        {
            return;
        }

        if (slot.TimerPrevious != None)
        {
            _slots[slot.TimerPrevious].TimerNext = slot.TimerNext;
        }
        else
        {
            _heads[slot.TimerBucket] = slot.TimerNext;
            if (slot.TimerNext == None)
            {
                _occupied[slot.TimerBucket / 64] &= ~(1UL << (slot.TimerBucket % 64));
            }
        }

        if (slot.TimerNext != None)
        {
            _slots[slot.TimerNext].TimerPrevious = slot.TimerPrevious;
        }

        slot.TimerBucket = None;
    }

    /// <summary>Moves the wheel up to <see cref="Now"/> and collects the slots whose deadline has come; they are disarmed.</summary>
    /// <returns>False if no tick has passed since the last turn.</returns>
    public bool Turn(List<int> due)
    {
        if (_visited >= Now)
        {
            return false;
        }

        // after a long sleep every bucket is visited once, not once a tick
        for (var steps = Math.Min(Now - _visited, Buckets); steps > 0; steps--)
        {
            var bucket = (int)((Now - steps + 1) % Buckets);
            for (var index = _heads[bucket]; index != None;)
            {
                ref var slot = ref _slots[index];
                var next = slot.TimerNext;
                if (slot.Due <= Now)
                {
                    Disarm(index);
                    due.Add(index);
                }

                index = next;
            }
        }

        _visited = Now;
        return true;
    }

    /// <summary>Ticks until the next bucket that holds anything, at most <paramref name="most"/>.</summary>
    public int UntilNext(int most)
    {
        for (var ahead = 1; ahead <= most;)
        {
            var bucket = (int)((_visited + ahead) % Buckets);
            var rest = _occupied[bucket / 64] >> (bucket % 64);
            if (rest != 0)
            {
                return Math.Min(most, ahead + BitOperations.TrailingZeroCount(rest));
            }

            ahead += 64 - (bucket % 64);
        }

        return most;
    }
}
