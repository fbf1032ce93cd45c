using System.Text.Json;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Files;

namespace Sentinel.Recovery.Recording;

/// <summary>The outage records on disk: <c>outages/ID.json</c>. What is not ours, or is torn, is reported and left alone.</summary>
internal sealed class OutageStore(string directory, ILogger logger)
{
    private const int LargestRecord = 1 << 20;

    /// <summary>Reads all records; none that can be read is lost because of one that cannot.</summary>
    public List<OutageRecord> Load()
    {
        var records = new List<OutageRecord>();
        try
        {
            Directory.CreateDirectory(directory);
            foreach (var leftover in Directory.EnumerateFiles(directory, "*" + DurableFile.TemporaryEnding))
            {
                DurableFile.TryDelete(leftover);
            }

            foreach (var path in Directory.EnumerateFiles(directory, "*.json"))
            {
                if (Read(path) is { } record)
                {
                    records.Add(record);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.RecordsUnreadable(logger, directory, e.Message);
        }

        return records;
    }

    /// <summary>Writes one record whole.</summary>
    /// <exception cref="IOException">Not written.</exception>
    /// <exception cref="UnauthorizedAccessException">Not written.</exception>
    public void Write(OutageRecord record)
    {
        Directory.CreateDirectory(directory);
        DurableFile.Write(PathOf(record.Id), JsonSerializer.SerializeToUtf8Bytes(record, RecordJson.Default.OutageRecord));
    }

    /// <summary>Forgets one record.</summary>
    public void Delete(string id) => DurableFile.TryDelete(PathOf(id));

    private OutageRecord? Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (file.Length > LargestRecord)
            {
                throw new JsonException($"{file.Length} bytes are no record of ours");
            }

            var record = JsonSerializer.Deserialize(file, RecordJson.Default.OutageRecord) ?? throw new JsonException("empty");
            return PathOf(record.Id) == path ? record : throw new JsonException($"it calls itself {record.Id}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or NotSupportedException)
        {
            Log.RecordUnreadable(logger, path, e.Message);
            return null;
        }
    }

    /// <summary>A name may hold anything that the configuration lets through; a file's name may not.</summary>
    private string PathOf(string id) => Path.Combine(directory, FileName.Of(id) + ".json");
}
