using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Files;
using Sentinel.Recovery.Recording;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>
/// What each VM was like when it last ran as it should: the API's own description of it, and what its disks were made of.
/// One file for each in the state directory, because a VM that is gone can be asked no more. Thread-safe.
/// </summary>
internal sealed class GceMemory(string directory, ILogger logger)
{
    private readonly DiskQueue _disk = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<InstanceName, JsonObject?> _known = [];
    private readonly HashSet<InstanceName> _unwritten = [];

    /// <summary>The description of a VM, by its name at home; null if it was never seen.</summary>
    public JsonObject? Find(InstanceName vm)
    {
        lock (_lock)
        {
            return Read(vm)?.DeepClone().AsObject();
        }
    }

    /// <summary>Keeps descriptions, in place of those before.</summary>
    /// <returns>Whether they are on disk; what is not is in memory.</returns>
    public async Task<bool> KeepAsync(params KeyValuePair<InstanceName, JsonObject>[] descriptions)
    {
        List<(InstanceName Vm, JsonObject Description)> news = [];
        lock (_lock)
        {
            var changed = Array.FindAll(descriptions, one => _unwritten.Contains(one.Key) || !JsonNode.DeepEquals(Read(one.Key), one.Value));
            foreach (var (vm, description) in changed)
            {
                // Replaced whole, never changed.
                news.Add((vm, description.DeepClone().AsObject()));
                _known[vm] = news[^1].Description;
                _unwritten.Add(vm);
            }
        }

        var isKept = true;
        foreach (var (vm, description) in news)
        {
            // One by one: a VM that is to be moved just now does not wait for a whole zone.
            await _disk.RunAsync(() => isKept &= Write(vm, description)).ConfigureAwait(false);
        }

        return isKept;
    }

    private bool Write(InstanceName vm, JsonObject description)
    {
        try
        {
            DurableFile.CreateDirectory(directory);
            DurableFile.Write(PathOf(vm), JsonSerializer.SerializeToUtf8Bytes(description, Wire.GceJson.Default.JsonObject));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.DescriptionUnwritable(logger, vm, e.Message);
            return false;
        }

        lock (_lock)
        {
            if (ReferenceEquals(_known[vm], description))
            {
                _unwritten.Remove(vm);
            }
        }

        return true;
    }

    private JsonObject? Read(InstanceName vm)
    {
        if (_known.TryGetValue(vm, out var known))
        {
            return known;
        }

        try
        {
            var path = PathOf(vm);
            return _known[vm] = File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), Wire.GceJson.Default.JsonObject) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            Log.DescriptionUnreadable(logger, vm, e.Message);
            return _known[vm] = null;
        }
    }

    private string PathOf(InstanceName vm) => Path.Combine(directory, $"{FileName.Of($"{vm.Zone}.{vm.Name}")}.json");
}
