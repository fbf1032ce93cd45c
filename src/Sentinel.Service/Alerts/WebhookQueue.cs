using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Files;

namespace Sentinel.Service.Alerts;

/// <summary>
/// What one receiver has not got yet, oldest first: in memory, and a file for each so that it outlives the daemon. Bounded:
/// one more than it holds, and the oldest is dropped. A disk that cannot be written costs only what a restart would lose. Thread-safe.
/// </summary>
internal sealed class WebhookQueue(string directory, string receiver, ILogger logger)
{
    internal const int Capacity = 1000;

    // Around what touches the disk. Taken before the other one, never while that is held.
    private readonly Lock _writing = new();
    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, AlertDocument> _waiting = [];

    // Never used again: the file of one that was sent may be about to be deleted.
    private long _last;

    /// <summary>Reads what earlier daemons left.</summary>
    public void Load()
    {
        lock (_lock)
        {
            try
            {
                foreach (var path in Directory.Exists(directory) ? Directory.GetFiles(directory, "*.json") : [])
                {
                    if (long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && Read(path) is { } alert)
                    {
                        _waiting[number] = alert;
                        _last = Math.Max(_last, number);
                    }
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Log.QueueUnusable(logger, receiver, e.Message);
            }
        }
    }

    public void Add(AlertDocument alert)
    {
        lock (_writing)
        {
            long number;
            (long Number, AlertDocument Alert)? dropped;
            lock (_lock)
            {
                number = _last = Math.Max(alert.At.UtcTicks, _last + 1);
                _waiting[number] = alert;
                dropped = _waiting.Count > Capacity ? First() : null;
                _waiting.Remove(dropped?.Number ?? -1);
            }

            try
            {
                DurableFile.CreateDirectory(directory);
                DurableFile.Write(PathOf(number), JsonSerializer.SerializeToUtf8Bytes(alert, AlertJson.Default.AlertDocument));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Log.QueueUnusable(logger, receiver, e.Message);
            }

            if (dropped is { } oldest)
            {
                Log.Dropped(logger, oldest.Alert.Event, receiver, $"{Capacity} newer ones wait");
                DurableFile.TryDelete(PathOf(oldest.Number));
            }
        }
    }

    /// <summary>The oldest; null if none waits.</summary>
    public (long Number, AlertDocument Alert)? First()
    {
        lock (_lock)
        {
            return _waiting.Count == 0 ? null : (_waiting.First().Key, _waiting.First().Value);
        }
    }

    public void Remove(long number)
    {
        lock (_lock)
        {
            _waiting.Remove(number);
        }

        lock (_writing)
        {
            DurableFile.TryDelete(PathOf(number));
        }
    }

    private string PathOf(long number) => Path.Combine(directory, number.ToString(CultureInfo.InvariantCulture) + ".json");

    private AlertDocument? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), AlertJson.Default.AlertDocument);
        }
        catch (JsonException e)
        {
            Log.QueueUnusable(logger, receiver, e.Message);
            return null;
        }
    }
}
