using System.Buffers;
using System.IO.Pipelines;

namespace Sentinel.Service.Telemetry.Logging;

/// <summary>
/// Takes lines without ever waiting and writes them from a thread of its own. While the reader of the stream is slow,
/// lines pile up to a limit; what comes after that is dropped and counted. Thread-safe.
/// </summary>
internal sealed class LogQueue : IDisposable
{
    /// <summary>Bytes that may wait: some ten thousand lines.</summary>
    public const int Capacity = 4 << 20;

    // Bytes that are written at once.
    private const int Piece = 64 * 1024;

    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    private readonly Stream _stream;
    private readonly Action<long, IBufferWriter<byte>> _confess;
    private readonly int _capacity;
    private readonly object _lock = new();
    private readonly Thread _writer;

    // What waits is what was not flushed; the pipe itself has no limit. Its pieces are lent by the shared pool: one array that grew would leave
    // larger and larger ones behind, which are collected with the whole heap only, and tens of MB of them lay about while a reader was slow.
    private readonly Pipe _lines = new(new PipeOptions(minimumSegmentSize: Piece, pauseWriterThreshold: 0, useSynchronizationContext: false));
    private long _dropped;
    private long _droppedEver;
    private bool _isWriting;
    private bool _ended;

    /// <param name="stream">Where lines go. Not disposed here.</param>
    /// <param name="confess">Writes the line that says how many were dropped.</param>
    /// <param name="capacity">Bytes that may wait.</param>
    public LogQueue(Stream stream, Action<long, IBufferWriter<byte>> confess, int capacity = Capacity)
    {
        (_stream, _confess, _capacity) = (stream, confess, capacity);
        _writer = new Thread(WriteOut) { IsBackground = true, Name = "log" };
        _writer.Start();
    }

    /// <summary>Lines lost since the start.</summary>
    public long Dropped => Interlocked.Read(ref _droppedEver);

    /// <summary>Takes whole lines, or drops them.</summary>
    public void Add(ReadOnlySpan<byte> lines)
    {
        lock (_lock)
        {
            if (_ended)
            {
                return;
            }

            if (_lines.Writer.UnflushedBytes + lines.Length > _capacity)
            {
                _dropped++;
                Interlocked.Increment(ref _droppedEver);
                return;
            }

            lines.CopyTo(_lines.Writer.GetSpan(lines.Length)); // in one piece, so that no write ends within a line
            _lines.Writer.Advance(lines.Length);
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waits until everything was written, but no longer than a reader that is still there would need.</summary>
    public bool Flush()
    {
        var begin = TimeProvider.System.GetTimestamp();
        lock (_lock)
        {
            while (_lines.Writer.UnflushedBytes > 0 || _isWriting)
            {
                var left = LastWords - TimeProvider.System.GetElapsedTime(begin);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_lock, left))
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Writes what is left and ends.</summary>
    public void Dispose()
    {
        Flush();
        lock (_lock)
        {
            _ended = true;
            Monitor.PulseAll(_lock);
        }
    }

    private void WriteOut()
    {
        while (true)
        {
            ReadOnlySequence<byte> writing;
            lock (_lock)
            {
                while (_lines.Writer.UnflushedBytes == 0 && !_ended)
                {
                    Monitor.Wait(_lock);
                }

                if (_lines.Writer.UnflushedBytes == 0)
                {
                    return;
                }

                // The gap lies after the lines that filled the queue.
                if (_dropped > 0)
                {
                    _confess(_dropped, _lines.Writer);
                    _dropped = 0;
                }

                _ = _lines.Writer.FlushAsync().AsTask(); // it never waits
                _ = _lines.Reader.TryRead(out var read);
                writing = read.Buffer;
                _isWriting = true;
            }

            try
            {
                foreach (var piece in writing)
                {
                    _stream.Write(piece.Span);
                }

                _stream.Flush();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
            {
                // Nobody reads, or the disk is full: the daemon goes on, and there is nobody left to tell.
            }

            _lines.Reader.AdvanceTo(writing.End);
            lock (_lock)
            {
                _isWriting = false;
                Monitor.PulseAll(_lock);
            }
        }
    }
}
