using Sentinel.Recovery.Clouds;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Values;

/// <summary>Names of VMs: <c>process/NAME</c>, <c>gce/ZONE/NAME</c>.</summary>
internal static class InstanceText
{
    /// <summary>As an error asks for it.</summary>
    public const string Expected = "process/NAME, gce/ZONE/NAME, or no instance for a backend that is only watched";

    /// <summary>For editors.</summary>
    public const string Pattern = "^(process/|gce/[^/]+/)[^/]+$";

    private const string Process = "process";
    private const string Gce = "gce";

    /// <summary>Whether the VM is a child process of the daemon.</summary>
    public static bool IsProcess(InstanceName instance) => instance.Provider == Process;

    /// <summary>Understands a VM's name.</summary>
    public static Parsed<InstanceName> Parse(string text, ConfigurationEnvironment environment)
    {
        var parts = text.Split('/');
        return parts switch
        {
            [Process, var name] when GivenName.IsRight(name) => new InstanceName(Process, "", name),
            [Process, ..] => new Refusal(Expected: $"process/NAME, where NAME has {GivenName.Expected}"),
            [Gce, var zone, var name] when GceText.IsZone(zone) && GceText.IsName(name) => new InstanceName(Gce, zone, name),
            [Gce, ..] => new Refusal(Expected: "gce/ZONE/NAME, such as gce/us-central1-a/spot-1"),
            _ => NearMiss.Of(parts[0], [Process, Gce]) is { } near && parts.Length > 1 ? new Refusal($"did you mean \"{near}{text[parts[0].Length..]}\"?") : Refusal.Plain,
        };
    }
}
