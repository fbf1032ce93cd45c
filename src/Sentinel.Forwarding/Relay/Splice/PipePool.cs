using Sentinel.Forwarding.Listeners;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>
/// Empty pipes of one loop, for flows that are busy. What comes out is only ever given back empty, so no byte of one
/// connection can reach another. Without CAP_SYS_RESOURCE a user's pipes share 64 MiB (pipe(7),
/// pipe-user-pages-soft); where no large pipe can be had, the flow goes on copying.
/// </summary>
/// <param name="most">Pipes open at once.</param>
internal sealed unsafe class PipePool(int most)
{
    /// <summary>Bytes that fit into the largest of its pipes.</summary>
    public const int MostBytes = 1024 * 1024;

    /// <summary>Bytes that fit into every one.</summary>
    public const int LeastBytes = 256 * 1024;

    // a pipe holds a page at most for each packet's piece, so a large one takes in more at a time; these leave half of
    // the user's allowance to the others
    private const int MostLarge = 32;

    // a wave of bulk transfers that is over should not keep the user's whole allowance
    private const int MostIdle = 32;

    // how many wishes are refused unheard after one could not be met
    private const int Patience = 256;

    private readonly Stack<(int Read, int Write)> _idle = new(MostIdle);

    private int _refuse;

    private int _open;

    /// <summary>Pipes made, ever.</summary>
    public int Opened { get; private set; }

    /// <summary>Pipes taken and not given back.</summary>
    public int InUse => _open - _idle.Count;

    /// <summary>Takes an empty pipe; false when none can be had now.</summary>
    public bool TryTake(out int read, out int write)
    {
        if (_idle.TryPop(out var pipe))
        {
            (read, write) = pipe;
            return true;
        }

        var ends = stackalloc int[2];
        (read, write) = (0, 0);
        if (_open >= most || _refuse > 0)
        {
            _refuse = Math.Max(0, _refuse - 1);
            return false;
        }

        if (Libc.Pipe(ends, Libc.NonBlock | Libc.CloseOnExec) != 0)
        {
            _refuse = Patience;
            return false;
        }

        if (Descriptors.IsLastForClients(ends[1]) || !Widen(ends[1]))
        {
            _ = Libc.Close(ends[0]);
            _ = Libc.Close(ends[1]);
            _refuse = Patience;
            return false;
        }

        (read, write) = (ends[0], ends[1]);
        _open++;
        Opened++;
        return true;
    }

    private bool Widen(int end) =>
        (_open < MostLarge && Libc.Fcntl(end, Libc.FcntlSetPipeSize, MostBytes) >= MostBytes)
        || Libc.Fcntl(end, Libc.FcntlSetPipeSize, LeastBytes) >= LeastBytes;

    /// <summary>Takes a pipe back; one that still holds bytes is closed instead.</summary>
    public void Return(int read, int write, bool empty)
    {
        if (empty && _idle.Count < MostIdle)
        {
            _idle.Push((read, write));
            return;
        }

        Close(read, write);
    }

    /// <summary>Closes the pipes that nobody uses: descriptors have run out.</summary>
    public void Trim()
    {
        while (_idle.TryPop(out var pipe))
        {
            Close(pipe.Read, pipe.Write);
        }
    }

    private void Close(int read, int write)
    {
        _ = Libc.Close(read);
        _ = Libc.Close(write);
        _open--;
    }
}
