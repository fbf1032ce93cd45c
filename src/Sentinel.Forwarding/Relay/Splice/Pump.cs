using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>How far a pump came.</summary>
internal enum Pumped
{
    /// <summary>Nothing more can be done until an event says so.</summary>
    Blocked,

    /// <summary>There is more to do, and others want their turn.</summary>
    MoreToDo,

    /// <summary>Everything was passed on, the end of it included.</summary>
    Finished,
}

/// <summary>
/// Moves the bytes of one direction of a connection. A flow is copied through one buffer that all flows of a loop
/// share until two reads in a row have filled it; from then on it is spliced through a pipe, until it runs dry
/// early. Sockets are edge-triggered: a readiness flag is cleared only by a call that proves it wrong, since no event
/// comes for what was already there.
/// </summary>
/// <param name="mostPipes">Flows that are spliced at once; the others are copied.</param>
internal sealed unsafe class Pump(int mostPipes)
{
    /// <summary>Bytes of the shared buffer, and most that a flow may have left over.</summary>
    public const int BufferSize = 64 * 1024;

    // a full pipe would make every fill wait for a drain: room left keeps both ends of it moving
    private const int EnoughInPipe = PipePool.LeastBytes / 4 * 3;

    private const int BusyAfterFullReads = 2;
    private const int BusyWhileBurst = 32 * 1024;
    private const int StepsPerTurn = 16;

    private readonly byte* _buffer = (byte*)NativeMemory.Alloc(BufferSize);
    private readonly int* _errno = Libc.ErrnoLocation();

    /// <summary><see cref="BufferSize"/> bytes for anybody's use on this thread, until the next run.</summary>
    public byte* Buffer => _buffer;

    public PipePool Pipes { get; } = new(mostPipes);

    public LeftoverPool Leftovers { get; } = new();

    /// <summary>Bytes of all flows that were spliced.</summary>
    public long Spliced { get; private set; }

    /// <summary>
    /// Moves what can be moved now, up to a turn's worth. A socket that turns out to be broken is marked so in its
    /// readiness; whoever called decides what that ends.
    /// </summary>
    /// <param name="endsBoth">
    /// The other direction is finished, so the source has our FIN already; and once this one is too, both sockets are
    /// closed, so that the sink needs none of its own.
    /// </param>
    public Pumped Run(ref Flow flow, int source, ref Readiness sourceReady, int sink, ref Readiness sinkReady, bool endsBoth)
    {
        if (flow.Finished)
        {
            return Pumped.Finished;
        }

        for (var steps = StepsPerTurn; steps > 0; steps--)
        {
            if ((sinkReady & Readiness.Broken) != 0)
            {
                return Pumped.Blocked;
            }

            bool goOn;
            if (flow.Leftover != null)
            {
                goOn = SendLeftover(ref flow, sink, ref sinkReady);
            }
            else if (flow.Ended && flow.Piped == 0)
            {
                Release(ref flow);
                flow.Finished = true;
                if (!endsBoth)
                {
                    _ = Libc.Shutdown(sink, Libc.ShutdownWrite);
                }

                return Pumped.Finished;
            }
            else if (flow.IsBusy)
            {
                goOn = Splice(ref flow, source, ref sourceReady, sink, ref sinkReady, endsBoth);
            }
            else
            {
                goOn = Copy(ref flow, source, ref sourceReady, sink, ref sinkReady, endsBoth);
            }

            if (!goOn)
            {
                return Pumped.Blocked;
            }
        }

        return Pumped.MoreToDo;
    }

    /// <summary>Gives back what a flow holds, bytes in hand included.</summary>
    public void Release(ref Flow flow)
    {
        ReturnPipe(ref flow);
        if (flow.Leftover != null)
        {
            Leftovers.Return(flow.Leftover, flow.LeftoverEnd);
            flow.Leftover = null;
        }
    }

    /// <summary>Frees what is outside the managed heap. No flow may run afterwards.</summary>
    public void Free()
    {
        NativeMemory.Free(_buffer);
        Pipes.Trim();
        Leftovers.Trim();
    }

    private bool Copy(ref Flow flow, int source, ref Readiness sourceReady, int sink, ref Readiness sinkReady, bool sentEnd)
    {
        if ((sourceReady & Readiness.Readable) == 0 || (sinkReady & Readiness.Writable) == 0)
        {
            return false;
        }

        var received = (int)Libc.Receive(source, _buffer, BufferSize, 0);
        if (received <= 0)
        {
            return CouldNotRead(ref flow, received, source, ref sourceReady, sentEnd);
        }

        if (received < BufferSize)
        {
            flow.FullReads = 0;
            if ((sourceReady & Readiness.Urgent) == 0)
            {
                // a short read has emptied the socket, and behind a FIN nothing more can follow
                sourceReady &= ~Readiness.Readable;
                flow.Ended = (sourceReady & (Readiness.Ending | Readiness.Broken)) == Readiness.Ending;
            }
        }
        else if (++flow.FullReads == BusyAfterFullReads)
        {
            flow.FullReads = 0;
            flow.Burst = 0;
            flow.IsBusy = true;
        }

        var sent = (int)Libc.Send(sink, _buffer, received, Libc.MsgNoSignal);
        if (sent == received)
        {
            flow.Moved += sent;
            return true;
        }

        if (sent < 0)
        {
            if (!CouldNotWrite(ref sinkReady))
            {
                return false;
            }

            sent = 0;
        }

        flow.Moved += sent;
        sinkReady &= ~Readiness.Writable;
        var rest = received - sent;
        flow.Leftover = Leftovers.Take(rest);
        flow.LeftoverStart = 0;
        flow.LeftoverEnd = rest;
        System.Buffer.MemoryCopy(_buffer + sent, flow.Leftover, rest, rest);
        return false;
    }

    private bool SendLeftover(ref Flow flow, int sink, ref Readiness sinkReady)
    {
        if ((sinkReady & Readiness.Writable) == 0)
        {
            return false;
        }

        var length = flow.LeftoverEnd - flow.LeftoverStart;
        var sent = (int)Libc.Send(sink, flow.Leftover + flow.LeftoverStart, length, Libc.MsgNoSignal);
        if (sent < 0)
        {
            CouldNotWrite(ref sinkReady);
            return false;
        }

        flow.Moved += sent;
        flow.LeftoverStart += sent;
        if (sent < length)
        {
            sinkReady &= ~Readiness.Writable;
            return false;
        }

        Leftovers.Return(flow.Leftover, flow.LeftoverEnd);
        flow.Leftover = null;
        return true;
    }

    private bool Splice(ref Flow flow, int source, ref Readiness sourceReady, int sink, ref Readiness sinkReady, bool sentEnd)
    {
        if (!flow.Ended && flow.Piped < EnoughInPipe && (sourceReady & Readiness.Readable) != 0)
        {
            if (!flow.HasPipe && !Pipes.TryTake(out flow.PipeRead, out flow.PipeWrite))
            {
                flow.IsBusy = false;
                return true;
            }

            var filled = (int)Libc.Splice(
                source, null, flow.PipeWrite, null, PipePool.MostBytes - flow.Piped, Libc.SpliceMove | Libc.SpliceNonBlock);
            if (filled > 0)
            {
                flow.Piped += filled;
                flow.Burst = Math.Min(flow.Burst + filled, BusyWhileBurst);
                return true;
            }

            // with bytes in the pipe, EAGAIN may mean that the pipe is full: only an empty one proves the socket empty
            if (filled == 0 || *_errno != Errno.Again || flow.Piped == 0)
            {
                var goOn = CouldNotRead(ref flow, filled, source, ref sourceReady, sentEnd);
                if (flow.Piped == 0)
                {
                    ReturnPipe(ref flow);
                    flow.IsBusy = flow.Burst >= BusyWhileBurst;
                    flow.Burst = 0;
                    return goOn;
                }
            }
        }

        if (flow.Piped == 0 || (sinkReady & Readiness.Writable) == 0)
        {
            return false;
        }

        var drained = (int)Libc.Splice(flow.PipeRead, null, sink, null, flow.Piped, Libc.SpliceMove | Libc.SpliceNonBlock);
        if (drained < 0)
        {
            CouldNotWrite(ref sinkReady);
            return false;
        }

        flow.Moved += drained;
        flow.Piped -= drained;
        Spliced += drained;
        return true;
    }

    /// <summary>After a read that gave nothing: the end, nothing yet, or a broken socket. True to go on.</summary>
    private bool CouldNotRead(ref Flow flow, int result, int source, ref Readiness sourceReady, bool sentEnd)
    {
        if (result == 0)
        {
            // Linux tells of a reset once: if a send has just taken the error away, a read sees an orderly end. One that
            // an event has announced is in order; for another the kernel is asked, which is rare.
            if (!sentEnd && (sourceReady & Readiness.Ending) == 0 && SocketOptions.WasReset(source))
            {
                sourceReady = (sourceReady & ~Readiness.Readable) | Readiness.Broken;
                return false;
            }

            flow.Ended = true;
            sourceReady &= ~Readiness.Readable;
            return true;
        }

        switch (*_errno)
        {
            case Errno.Again:
                sourceReady &= ~Readiness.Readable;
                return false;
            default:
                sourceReady = (sourceReady & ~Readiness.Readable) | Readiness.Broken;
                return false;
        }
    }

    /// <summary>After a write that took nothing. True when the socket is merely full.</summary>
    private bool CouldNotWrite(ref Readiness sinkReady)
    {
        switch (*_errno)
        {
            case Errno.Again:
                sinkReady &= ~Readiness.Writable;
                return true;
            default:
                sinkReady |= Readiness.Broken;
                return false;
        }
    }

    private void ReturnPipe(ref Flow flow)
    {
        if (flow.HasPipe)
        {
            Pipes.Return(flow.PipeRead, flow.PipeWrite, empty: flow.Piped == 0);
            flow.PipeRead = flow.PipeWrite = flow.Piped = 0;
        }
    }
}
