using System.Buffers;

namespace Sentinel.Service.Telemetry.Logging;

/// <summary>
/// Takes lines without ever waiting and writes them from a thread of its own. While the reader of the stream is slow,
/// lines pile up to a limit; what comes after that is dropped and counted. Thread-safe.
/// </summary>
internal sealed class LogQueue : IDisposable
{
    /// <summary>Bytes that may wait: some ten thousand lines.</summary>
    public const int Capacity = 4 << 20;

    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    private readonly Stream _stream;
    private readonly Action<long, IBufferWriter<byte>> _confess;
    private readonly int _capacity;
    private readonly object _lock = new();
    private readonly Thread _writer;
    private ArrayBufferWriter<byte> _filling = new(64 * 1024);
    private ArrayBufferWriter<byte> _writing = new(64 * 1024);
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

            if (_filling.WrittenCount + lines.Length > _capacity)
            {
                _dropped++;
                Interlocked.Increment(ref _droppedEver);
                return;
            }

            _filling.Write(lines);
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waits until everything was written, but no longer than a reader that is still there would need.</summary>
    public bool Flush()
    {
        var begin = TimeProvider.System.GetTimestamp();
        lock (_lock)
        {
            while (_filling.WrittenCount > 0 || _isWriting)
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
            lock (_lock)
            {
                while (_filling.WrittenCount == 0 && !_ended)
                {
                    Monitor.Wait(_lock);
                }

                if (_filling.WrittenCount == 0)
                {
                    return;
                }

                // The gap lies after the lines that filled the buffer.
                if (_dropped > 0)
                {
                    _confess(_dropped, _filling);
                    _dropped = 0;
                }

                (_filling, _writing) = (_writing, _filling);
                _isWriting = true;
            }

            try
            {
                _stream.Write(_writing.WrittenSpan);
                _stream.Flush();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
            {
                // Nobody reads, or the disk is full: the daemon goes on, and there is nobody left to tell.
            }

            _writing.ResetWrittenCount();
            if (_writing.Capacity > 1 << 20)
            {
                _writing = new(64 * 1024);
            }

            lock (_lock)
            {
                _isWriting = false;
                Monitor.PulseAll(_lock);
            }
        }
    }
}
