using System.Text;
using Sentinel.Backends.Files;

namespace Sentinel.Jump.Files;

/// <summary>Files for others to read, each whole at every moment, in directories that hold nothing else.</summary>
internal sealed class PublicFiles
{
    private const UnixFileMode PassThrough = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly Dictionary<string, string> _written = new(StringComparer.Ordinal);

    /// <summary>Creates a directory through which all may pass, and that the owner alone may list (0711).</summary>
    /// <exception cref="IOException">It cannot be.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static void CreateDirectory(string path)
    {
        DurableFile.CreateDirectory(path);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, PassThrough);
        }
    }

    /// <summary>Writes what is not so already, and deletes what is not among it.</summary>
    /// <param name="files">Texts by path.</param>
    /// <param name="directories">Where there may be no others.</param>
    /// <returns>How many files changed.</returns>
    /// <exception cref="IOException">Not all was written; each file is the old one or the new one.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public int Sync(IReadOnlyDictionary<string, string> files, IEnumerable<string> directories)
    {
        var changes = 0;

        // Who may no longer log in first.
        foreach (var stale in directories.Where(Directory.Exists).SelectMany(Directory.EnumerateFiles).Where(file => !files.ContainsKey(file)).ToArray())
        {
            File.Delete(stale);
            _written.Remove(stale);
            changes++;
        }

        foreach (var (path, text) in files)
        {
            if (Known(path) != text)
            {
                CreateDirectory(Path.GetDirectoryName(path)!);
                DurableFile.WriteForAll(path, Encoding.UTF8.GetBytes(text));
                _written[path] = text;
                changes++;
            }
        }

        return changes;
    }

    private string? Known(string path)
    {
        if (!_written.TryGetValue(path, out var text) && File.Exists(path))
        {
            _written[path] = text = File.ReadAllText(path);
        }

        return text;
    }
}
