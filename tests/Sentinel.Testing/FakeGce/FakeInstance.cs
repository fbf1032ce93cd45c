using System.Globalization;
using System.Text.Json.Nodes;

namespace Sentinel.Testing.FakeGce;

/// <summary>One VM of the fake cloud: the document that the API shows, and what the fake must know besides.</summary>
public sealed class FakeInstance
{
    internal FakeInstance(JsonObject document) => Document = document;

    public string Name => (string)Document["name"]!;

    public string Zone => Last((string)Document["zone"]!);

    public string Link => (string)Document["selfLink"]!;

    public ulong Id => ulong.Parse((string)Document["id"]!, CultureInfo.InvariantCulture);

    public string MachineType => Last((string)Document["machineType"]!);

    public string Provisioning => (string?)Document["scheduling"]?["provisioningModel"] ?? "STANDARD";

    public bool IsDeletedWhenPreempted => (string?)Document["scheduling"]?["instanceTerminationAction"] == "DELETE";

    /// <summary>It has been off since then.</summary>
    public void WasStoppedAt(DateTimeOffset at)
    {
        Document["lastStartTimestamp"] = FakeOperation.Stamp(at - TimeSpan.FromHours(1));
        Document["lastStopTimestamp"] = FakeOperation.Stamp(at);
    }

    /// <summary>Its preemption is to delete it.</summary>
    public void DeleteWhenPreempted() => Document["scheduling"]!["instanceTerminationAction"] = "DELETE";

    public string Address => (string)Document["networkInterfaces"]![0]!["networkIP"]!;

    public string Status
    {
        get => (string)Document["status"]!;
        internal set
        {
            Document["status"] = value;
            Changes++;
        }
    }

    /// <summary>How often it ran.</summary>
    public int Starts { get; internal set; }

    /// <summary>What the metadata server of the VM says.</summary>
    public bool IsPreempted { get; internal set; }

    /// <summary>What its boot disk held when it began to run: what some VM wrote to it, or to what it was copied from; 0: nothing.</summary>
    public long StartedWith { get; internal set; }

    /// <summary>What it has written since; greater than all that was written anywhere before.</summary>
    public long Content { get; internal set; }

    public bool HasBootDisk => Disks.Any(disk => (bool?)disk["boot"] == true);

    internal JsonObject Document { get; }

    /// <summary>Disks that were made with it.</summary>
    internal List<string> Made { get; } = [];

    /// <summary>What was planned for a state that has passed is not done any more.</summary>
    internal int Changes { get; private set; }

    internal IEnumerable<JsonObject> Disks => Document["disks"]!.AsArray().Select(disk => disk!.AsObject());

    internal static string Last(string link) => link[(link.LastIndexOf('/') + 1)..];
}
