namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>One direction of a connection. Owns memory or a pipe only while it has bytes in hand or is busy.</summary>
internal unsafe struct Flow
{
    /// <summary>Bytes that the receiving side's kernel has taken.</summary>
    public long Moved;

    /// <summary>Bytes received and not yet sent, in a block of the loop's <see cref="LeftoverPool"/>; null if none.</summary>
    public byte* Leftover;

    /// <summary>Where in <see cref="Leftover"/> the unsent bytes begin and end.</summary>
    public int LeftoverStart;
    public int LeftoverEnd;

    /// <summary>The ends of its pipe while bytes are on their way through one, else zero.</summary>
    public int PipeRead;
    public int PipeWrite;

    /// <summary>Bytes in the pipe.</summary>
    public int Piped;

    /// <summary>Bytes spliced since the source was last found empty, counted as far as it matters.</summary>
    public int Burst;

    /// <summary>Reads in a row that filled the buffer.</summary>
    public byte FullReads;

    /// <summary>Splices instead of copying.</summary>
    public bool IsBusy;

    /// <summary>The source has said that nothing more comes.</summary>
    public bool Ended;

    /// <summary>And the receiving side has been told.</summary>
    public bool Finished;

    public readonly bool HasPipe => PipeWrite != 0;
}
