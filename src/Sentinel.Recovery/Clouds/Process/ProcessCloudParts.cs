using Microsoft.Extensions.Logging;

namespace Sentinel.Recovery.Clouds.Process;

/// <summary>What all VMs of the process cloud share.</summary>
/// <param name="Owner">Tells this state directory's processes from those of any other.</param>
internal sealed record ProcessCloudParts(IProcessHost Host, string Directory, string Owner, TimeProvider Time, ILogger Logger);
