using Sentinel.Recovery.Clouds;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Values;

/// <summary>Names of VMs: <c>process/NAME</c>.</summary>
internal static class InstanceText
{
    /// <summary>As an error asks for it.</summary>
    public const string Expected = "process/NAME, or no instance for a backend that is only watched";

    private const string Process = "process";

    /// <summary>Whether the VM is a child process of the daemon.</summary>
    public static bool IsProcess(InstanceName instance) => instance.Provider == Process;

    /// <summary>Understands a VM's name.</summary>
    /// <param name="later">Providers that are specified and not built yet.</param>
    public static Parsed<InstanceName> Parse(string text, IReadOnlyList<string> later)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var provider = slash < 0 ? text : text[..slash];
        if (later.Contains(provider))
        {
            return new Refusal(Found: $"\"{text}\", whose provider is not supported yet");
        }

        if (provider != Process)
        {
            return NearMiss.Of(provider, [Process, .. later]) is { } near && slash > 0 ? new Refusal($"did you mean \"{near}{text[slash..]}\"?") : Refusal.Plain;
        }

        var name = text[(slash + 1)..];
        return slash > 0 && GivenName.IsRight(name) ? new InstanceName(Process, "", name) : new Refusal(Expected: $"process/NAME, where NAME has {GivenName.Expected}");
    }
}
