using System.Text.Json;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Files;

namespace Sentinel.Recovery.Recording;

/// <summary>
/// Which backends people drained: <c>drained.json</c>. It outlives the daemon, because who drained a backend to work on it
/// does not want traffic back after an upgrade. Thread-safe.
/// </summary>
internal sealed class DrainedList(string path, ILogger logger)
{
    private readonly DiskQueue _disk = new();
    private readonly Lock _lock = new();
    private readonly SortedSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Reads the list.</summary>
    public void Load()
    {
        try
        {
            if (File.Exists(path))
            {
                lock (_lock)
                {
                    _names.UnionWith(JsonSerializer.Deserialize(File.ReadAllBytes(path), RecordJson.Default.StringArray) ?? []);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            Log.DrainedUnreadable(logger, path, e.Message);
        }
    }

    /// <summary>Whether a backend is on it.</summary>
    public bool Contains(string name)
    {
        lock (_lock)
        {
            return _names.Contains(name);
        }
    }

    /// <summary>Puts a backend on the list or takes it off, and writes the list if that changed it.</summary>
    /// <returns>Done once it is written, or cannot be, which the log tells.</returns>
    public Task SetAsync(string name, bool isDrained)
    {
        lock (_lock)
        {
            if (!(isDrained ? _names.Add(name) : _names.Remove(name)))
            {
                return Task.CompletedTask;
            }
        }

        return _disk.RunAsync(Write);
    }

    private void Write()
    {
        string[] names;
        lock (_lock)
        {
            names = [.. _names];
        }

        try
        {
            DurableFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(names, RecordJson.Default.StringArray));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.DrainedUnwritable(logger, path, e.Message);
        }
    }
}
