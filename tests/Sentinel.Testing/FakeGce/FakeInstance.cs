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

    internal JsonObject Document { get; }

    /// <summary>What was planned for a state that has passed is not done any more.</summary>
    internal int Changes { get; private set; }

    internal IEnumerable<JsonObject> Disks => Document["disks"]!.AsArray().Select(disk => disk!.AsObject());

    internal static string Last(string link) => link[(link.LastIndexOf('/') + 1)..];
}
