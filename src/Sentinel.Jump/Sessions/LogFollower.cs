using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Sentinel.Jump.Sessions;

/// <summary>
/// Reads whole lines from a log that another process appends to, from its beginning: also when it is emptied or replaced
/// meanwhile. What was read is given back to the file system (<see cref="Forget"/>), so the log needs no rotation.
/// </summary>
internal sealed partial class LogFollower(string path) : IDisposable
{
    /// <summary>What no line of a program we follow is as long as; more is garbage and is skipped.</summary>
    private const int LongestLine = 16 * 1024;

    private const int PunchHole = 0x02 | 0x01; // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
    private const int SeekData = 3;

    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly List<byte> _rest = [];
    private SafeFileHandle? _file;
    private (ulong, ulong) _identity;
    private long _position;
    private long _forgotten;
    private bool _isSkipping;

    /// <summary>Which log.</summary>
    public string Path => path;

    /// <summary>Bytes that were read and could be given back.</summary>
    public long Kept => _position - _forgotten;

    /// <summary>Whether the log is there and may be read.</summary>
    public bool IsOpen => _file is not null;

    /// <summary>The lines that came since the last call, at most a few hundred; call again while there are some.</summary>
    /// <exception cref="IOException">It is there and cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public IReadOnlyList<string> Read()
    {
        if (!Open())
        {
            return [];
        }

        var length = RandomAccess.GetLength(_file!);
        if (length < _position)
        {
            Restart(0);
        }

        var count = RandomAccess.Read(_file!, _buffer, _position);
        if (count == 0 && IsReplaced())
        {
            // All that the old one had was read.
            Close();
            return Open() ? Read() : [];
        }

        _position += count;
        return Take(_buffer.AsSpan(0, count));
    }

    /// <summary>Gives back what was read, but for lines that the next daemon needs: they are appended anew, whole.</summary>
    /// <returns>False where the file or its file system does not let us.</returns>
    public bool Forget(IEnumerable<string> needed)
    {
        if (_file is null || !OperatingSystem.IsLinux())
        {
            return false;
        }

        try
        {
            using (var log = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0))
            {
                foreach (var line in needed)
                {
                    log.Write(Encoding.UTF8.GetBytes(line + "\n")); // O_APPEND: one write, one line
                }
            }

            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            if (Identity() != _identity || Allocate(file, PunchHole, 0, _position - _rest.Count) != 0)
            {
                return false;
            }

            _forgotten = _position;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Close();

    private bool Open()
    {
        if (_file is not null)
        {
            return true;
        }

        try
        {
            _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }

        _identity = Identity();
        Restart(OperatingSystem.IsLinux() ? Math.Max(0, Seek(_file, 0, SeekData)) : 0);
        return true;
    }

    private bool IsReplaced() => Identity() is var now && now != default && now != _identity;

    private void Restart(long position)
    {
        (_position, _forgotten, _isSkipping) = (position, position, false);
        _rest.Clear();
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }

    private List<string> Take(ReadOnlySpan<byte> bytes)
    {
        var lines = new List<string>();
        while (bytes.IndexOf((byte)'\n') is var end and >= 0)
        {
            if (!_isSkipping)
            {
                _rest.AddRange(bytes[..end]);
                lines.Add(Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(_rest)).Trim('\0', '\r'));
            }

            _rest.Clear();
            _isSkipping = false;
            bytes = bytes[(end + 1)..];
        }

        _isSkipping |= _rest.Count + bytes.Length > LongestLine;
        if (_isSkipping)
        {
            _rest.Clear();
        }
        else
        {
            _rest.AddRange(bytes);
        }

        return lines;
    }

    /// <summary>Device and inode of what the path names now; default: nothing.</summary>
    private (ulong, ulong) Identity()
    {
        Span<byte> answer = stackalloc byte[256];
        // statx(2): AT_FDCWD, STATX_INO; stx_ino at 32, stx_dev_major and _minor at 136
        return OperatingSystem.IsLinux() && Status(-100, path, 0, 0x100, answer) == 0
            ? (MemoryMarshal.Read<ulong>(answer[32..]), MemoryMarshal.Read<ulong>(answer[136..]))
            : default;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int directory, string path, int flags, uint mask, Span<byte> answer);

    [LibraryImport("libc", EntryPoint = "lseek64", SetLastError = true)]
    private static partial long Seek(SafeFileHandle file, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "fallocate64", SetLastError = true)]
    private static partial int Allocate(SafeFileHandle file, int mode, long offset, long length);
}
