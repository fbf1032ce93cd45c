namespace Sentinel.Testing.FakeGce;

/// <summary>What goes wrong, set by tests at any time.</summary>
public sealed class GceTrouble
{
    /// <summary>Why a VM of this description does not come up, given its zone, machine type and provisioning model; null: it does.</summary>
    public Func<string, string, string, OperationFault?> Starving { get; set; } = (_, _, _) => null;

    /// <summary>Whether a start of this VM ends well and nothing comes of it.</summary>
    public Func<string, bool> Lying { get; set; } = _ => false;

    /// <summary>What a request (method and path) is refused with, before anything is done; null: nothing.</summary>
    public Func<string, string, GceRefusalException?> Refusing { get; set; } = (_, _) => null;

    /// <summary>Whether a request is carried out and its answer lost.</summary>
    public Func<string, string, bool> LosingReply { get; set; } = (_, _) => false;

    /// <summary>The cloud itself does not refuse a disk that is held: a sentinel must not ask for one.</summary>
    public bool AllowsTwoHolders { get; set; }

    /// <summary>How long each request takes.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Nobody is there: connections are cut.</summary>
    public bool IsDown { get; set; }

    /// <summary>Names of operations of this type are missing from lists.</summary>
    public Func<string, bool> HidingOperation { get; set; } = _ => false;

    /// <summary>VMs of this name are missing from lists; they can be read all the same.</summary>
    public Func<string, bool> HidingInstance { get; set; } = _ => false;

    /// <summary>A zone that aggregated lists cannot reach.</summary>
    public string? UnreachableZone { get; set; }

    /// <summary>Requests in a minute; the next is refused until the next minute.</summary>
    public int RequestsPerMinute { get; set; } = int.MaxValue;
}
