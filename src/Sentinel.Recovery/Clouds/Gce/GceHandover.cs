using System.Text.Json.Nodes;
using Sentinel.Recovery.Clouds.Gce.Wire;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>
/// What a disk's labels say when its data went to a copy in another zone: from then on the copy counts, and the disk itself is
/// kept and not used. It stands with the disk, so that a sentinel that lost its state, another one, and people know as well.
/// </summary>
/// <param name="Zone">Where the copy is.</param>
/// <param name="Insert">The id of the request that was to make the VM there.</param>
internal readonly record struct GceHandover(string Zone, string Insert)
{
    /// <summary>An operator removes this label to have the older disk back.</summary>
    public const string ZoneLabel = "sentinel-moved-to";

    private const string InsertLabel = "sentinel-moved-by";
    private const string CopyOf = "sentinel-copy-of";

    /// <summary>What a disk says; null: nothing, its data is its VM's.</summary>
    public static GceHandover? Of(GceDisk disk) => disk.Labels?.GetValueOrDefault(ZoneLabel) is { Length: > 0 } zone ? new(zone, disk.Labels.GetValueOrDefault(InsertLabel) ?? "") : null;

    /// <summary>Whether a disk is a copy that was made for a VM.</summary>
    public static bool IsCopyFor(GceDisk disk, string vm) => disk.Labels?.GetValueOrDefault(CopyOf) == vm;

    /// <summary>What copies bear.</summary>
    public static JsonObject LabelsOfCopy(string vm, string from) => new() { [CopyOf] = vm, ["sentinel-copy-from"] = from };

    /// <summary>For people.</summary>
    public string Describe(string disk) =>
        $"the data of the disk {disk} went to a copy in {Zone}, and what was written there since is not on it: bring that copy back, or remove the label {ZoneLabel} from the disk to go on with the older data";

    /// <summary>The labels of a disk with this.</summary>
    public Dictionary<string, string> On(GceDisk disk) => new(disk.Labels ?? new Dictionary<string, string>()) { [ZoneLabel] = Zone, [InsertLabel] = Insert };

    /// <summary>The labels of a disk without it.</summary>
    public static Dictionary<string, string> Off(GceDisk disk)
    {
        var labels = new Dictionary<string, string>(disk.Labels ?? new Dictionary<string, string>());
        labels.Remove(ZoneLabel);
        labels.Remove(InsertLabel);
        return labels;
    }
}
