using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Files;
using Sentinel.Jump.Files;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Placement;

/// <summary>Placements on disk. One writer at a time, any number of readers.</summary>
internal sealed class PlacementBook(string directory, ILogger logger)
{
    private readonly TwinFile _file = new(Path.Combine(directory, "placements.json"));

    private volatile ImmutableDictionary<string, PlacementRecord> _records = ImmutableDictionary<string, PlacementRecord>.Empty;

    /// <summary>All of them, by user.</summary>
    public ImmutableDictionary<string, PlacementRecord> Records => _records;

    /// <summary>Reads what earlier daemons wrote.</summary>
    public void Load()
    {
        _records = _file.Read(Parse, out var trouble) ?? _records;
        if (trouble is not null)
        {
            Log.BookDamaged(logger, trouble, Records.Count);
        }
    }

    /// <summary>Records a placement; null: that there is none.</summary>
    /// <exception cref="IOException">Not written, and nothing changed.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public async Task PutAsync(string user, PlacementRecord? record)
    {
        var next = record is null ? Records.Remove(user) : Records.SetItem(user, record);
        var lines = next.OrderBy(one => one.Key, StringComparer.Ordinal)
            .Select(one => new Line(one.Key, one.Value.Backend.Name, one.Value.At, one.Value.IsByHand, one.Value.IsProvisioned, one.Value.From?.Name));
        var content = JsonSerializer.SerializeToUtf8Bytes(new Document([.. lines]), BookJson.Default.Document);
        await DiskThread.RunAsync(() => _file.Write(content)).ConfigureAwait(false);
        _records = next;
    }

    private static ImmutableDictionary<string, PlacementRecord>? Parse(byte[] content)
    {
        try
        {
            return JsonSerializer.Deserialize(content, BookJson.Default.Document) is { Placements: { } lines } && lines.All(line => UserName.IsRight(line?.User) && line!.Backend is not null)
                ? lines.DistinctBy(line => line.User).ToImmutableDictionary(line => line.User, line => new PlacementRecord
                {
                    Backend = new(line.Backend),
                    At = line.At,
                    IsByHand = line.ByHand,
                    IsProvisioned = line.Provisioned,
                    From = line.From is { } from ? new BackendId(from) : null,
                })
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    internal sealed record Document(IReadOnlyList<Line> Placements);

    internal sealed record Line(string User, string Backend, DateTimeOffset At, bool ByHand, bool Provisioned, string? From);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PlacementBook.Document))]
internal sealed partial class BookJson : JsonSerializerContext;
