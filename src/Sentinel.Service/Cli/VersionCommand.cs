using System.CommandLine;
using System.Runtime.InteropServices;
using Sentinel.Service.Telemetry;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel version</c>.</summary>
internal static class VersionCommand
{
    public static Command Create()
    {
        var command = new Command("version", "Version, commit, runtime");
        command.SetAction(_ => Terminal.Say(
            $"sentinel {BuildInfo.Version} (commit {BuildInfo.Commit ?? "unknown"}, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier})"));
        return command;
    }
}
