using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Sentinel.Jump.Keys;

/// <summary>Keys of users from the configuration and from the files that it names. A file that cannot be read leaves what was read from it before. Thread-safe.</summary>
internal sealed class KeyReader(ILogger logger)
{
    private const int LongestFile = 1024 * 1024;

    private readonly Dictionary<string, Reading> _files = new(StringComparer.Ordinal);

    /// <summary>All keys of a user.</summary>
    public IEnumerable<AuthorizedKey> Of(UserSettings user) =>
        [.. user.Keys.Select(AuthorizedKey.TryParse).OfType<AuthorizedKey>(), .. user.KeysFile is { } file ? Read(file, user.Name) : []];

    /// <summary>All keys in the file of authorities; none without one.</summary>
    public ImmutableArray<AuthorizedKey> OfAuthorities(string? file) => file is null ? [] : Read(file, "authorities");

    /// <summary>Whether a file that was read is another by now.</summary>
    public bool HasChanged()
    {
        lock (_files)
        {
            return _files.Any(file => file.Value.Stamp != StampOf(file.Key));
        }
    }

    /// <summary>Forgets files that nobody names any more: they may change as they like.</summary>
    public void Keep(IReadOnlyCollection<string?> named)
    {
        lock (_files)
        {
            foreach (var gone in _files.Keys.Where(file => !named.Contains(file)).ToArray())
            {
                _files.Remove(gone);
            }
        }
    }

    private ImmutableArray<AuthorizedKey> Read(string file, string user)
    {
        lock (_files)
        {
            return ReadAnew(file, user);
        }
    }

    private ImmutableArray<AuthorizedKey> ReadAnew(string file, string user)
    {
        var stamp = StampOf(file);
        var known = _files.GetValueOrDefault(file);
        if (known is not null && known.Stamp == stamp)
        {
            return known.Keys;
        }

        var keys = known?.Keys ?? [];
        try
        {
            keys = stamp?.Length > LongestFile ? throw new IOException("it is longer than 1 MiB")
                : [.. File.ReadLines(file).Select(line => AuthorizedKey.TryParse(line.Trim())).OfType<AuthorizedKey>()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.KeysUnreadable(logger, user, file, e.Message);
        }

        _files[file] = new(stamp, keys);
        return keys;
    }

    private static Stamp? StampOf(string file)
    {
        var info = new FileInfo(file);
        return info.Exists ? new(info.LastWriteTimeUtc, info.Length) : null;
    }

    private sealed record Stamp(DateTime Written, long Length);

    private sealed record Reading(Stamp? Stamp, ImmutableArray<AuthorizedKey> Keys);
}
