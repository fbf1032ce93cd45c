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

    /// <summary>Keeps a description, in place of the one before.</summary>
    /// <returns>Whether it is on disk; if not, it is in memory.</returns>
    public bool Keep(InstanceName vm, JsonObject description)
    {
        lock (_lock)
        {
            if (JsonNode.DeepEquals(Read(vm), description) && !_unwritten.Contains(vm))
            {
                return true;
            }

            _known[vm] = description.DeepClone().AsObject();
            try
            {
                DurableFile.CreateDirectory(directory);
                DurableFile.Write(PathOf(vm), JsonSerializer.SerializeToUtf8Bytes(description, Wire.GceJson.Default.JsonObject));
                _unwritten.Remove(vm);
                return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _unwritten.Add(vm);
                Log.DescriptionUnwritable(logger, vm, e.Message);
                return false;
            }
        }
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
