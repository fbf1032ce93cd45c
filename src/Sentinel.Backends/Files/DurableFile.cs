using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sentinel.Backends.Files;

/// <summary>Files for the owner alone (0600) that are there whole or not at all, whenever the power goes.</summary>
public static partial class DurableFile
{
    /// <summary>The ending of what was not finished; a leftover of a crash may be deleted.</summary>
    public const string TemporaryEnding = ".tmp";

    // O_DIRECTORY differs between architectures; with O_CLOEXEC.
    private const int OpenDirectory = 0x10000 | 0x80000;
    private const int OpenDirectoryArm = 0x4000 | 0x80000;

    /// <summary>Creates a directory for the owner alone (0700), and those above it.</summary>
    /// <exception cref="IOException">It cannot be.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static void CreateDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Writes beside the file, syncs, renames over it, and syncs the directory.</summary>
    /// <exception cref="IOException">Not written; what was there before is still whole.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content) => Write(path, content, isForAll: false);

    /// <summary>As <see cref="Write(string, ReadOnlySpan{byte})"/>, for all to read (0644).</summary>
    public static void WriteForAll(string path, ReadOnlySpan<byte> content) => Write(path, content, isForAll: true);

    private static void Write(string path, ReadOnlySpan<byte> content, bool isForAll)
    {
        var temporary = path + TemporaryEnding;
        try
        {
            // The mode is given at creation: a leftover keeps the mode it has.
            File.Delete(temporary);
            using (var file = new FileStream(temporary, NewFile(content.Length)))
            {
                file.Write(content);
                if (isForAll && !OperatingSystem.IsWindows())
                {
                    // The process's umask may hold it back at creation.
                    File.SetUnixFileMode(file.SafeFileHandle, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
                }

                file.Flush(flushToDisk: true);
            }

            Move(temporary, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw;
        }
    }

    /// <summary>Puts a file in the place of another, and syncs the directory. Both are in the same one.</summary>
    /// <exception cref="IOException">Not moved.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static void Move(string from, string to)
    {
        File.Move(from, to, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(to)!);
    }

    /// <summary>Deletes what nobody needs; that it cannot be deleted matters to nobody either.</summary>
    public static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    private static FileStreamOptions NewFile(int length)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0, PreallocationSize = length };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    private static void SyncDirectory(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var isArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Arm64;
        using var directory = new SafeFileHandle(Open(path, isArm ? OpenDirectoryArm : OpenDirectory), ownsHandle: true);
        if (!directory.IsInvalid)
        {
            RandomAccess.FlushToDisk(directory);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);
}
