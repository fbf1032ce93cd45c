using System.Text;

namespace Sentinel.Service.Demo;

/// <summary>Keeps a log in a file and its last lines at hand.</summary>
internal sealed class LogTail(string file, int lines) : Stream
{
    private readonly FileStream _file = new(file, FileMode.Create, FileAccess.Write, FileShare.Read);
    private readonly Lock _lock = new();
    private readonly Queue<string> _last = new();
    private readonly StringBuilder _line = new();

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>The last lines, oldest first.</summary>
    public string[] Last()
    {
        lock (_lock)
        {
            return [.. _last];
        }
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _file.Write(buffer);
        lock (_lock)
        {
            foreach (var c in Encoding.UTF8.GetString(buffer))
            {
                if (c != '\n')
                {
                    _line.Append(c);
                    continue;
                }

                _last.Enqueue(_line.ToString());
                _line.Clear();
                if (_last.Count > lines)
                {
                    _last.Dequeue();
                }
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => _file.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
        }

        base.Dispose(disposing);
    }
}
