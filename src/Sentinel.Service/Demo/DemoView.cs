using System.Text.RegularExpressions;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Cli;

namespace Sentinel.Service.Demo;

/// <summary>What the demo shows in the terminal.</summary>
internal static partial class DemoView
{
    /// <summary>This program as a shell finds it: whoever tries the demo has not installed it.</summary>
    private static string Program => Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "sentinel" ? path : "sentinel";

    /// <summary>What there is to try.</summary>
    /// <param name="scene">Where everything is.</param>
    /// <param name="logsToFile">Whether the log is not on the terminal itself.</param>
    public static IEnumerable<string> Invitation(DemoScene scene, bool logsToFile) =>
    [
        $"  watch    http://{scene.Network.Admin}/",
        $"  http     curl http://{scene.Network.Http}/",
        scene.Ssh is { } ssh
            ? $"  ssh      ssh -F {ssh.ClientConfiguration} demo"
            : "  ssh      left out: OpenSSH's server is not installed (Debian, Ubuntu: openssh-server)",
        $"  status   {Program} status --config {scene.ConfigurationFile}",
        .. logsToFile ? [$"  log      {scene.LogFile}"] : (string[])[],
    ];

    /// <summary>The whole screen.</summary>
    public static IReadOnlyList<string> Screen(DemoScene scene, StatusDocument status, string[] events, DateTimeOffset now, int width, int height)
    {
        var table = new TextTable()
            .With("VM").With("STATE").With("FOR", isNumber: true).With("CONN", isNumber: true).With("PREEMPTED", isNumber: true).With("LAST OUTAGE", isNumber: true).With("");
        foreach (var backend in status.Backends)
        {
            table.Add(
                backend.Name, backend.State, Spoken.Ago(backend.Since, now), $"{backend.Connections}", $"{backend.Preemptions}",
                backend.LastOutageSeconds is { } seconds ? Spoken.Duration(TimeSpan.FromSeconds(seconds)) : "-",
                status.Pools.Any(pool => pool.Active.Contains(backend.Name)) ? "<- active" : "");
        }

        var held = status.Listeners.Sum(listener => listener.Held);
        string[] top =
        [
            $"Sentinel demo: {status.State} for {Spoken.Ago(status.Since, now)}" + (held == 0 ? "" : $", {Spoken.Count(held, "client")} waiting"),
            "",
            .. Invitation(scene, logsToFile: true),
            "",
            .. table.Lines(width - 2).Select(line => "  " + line),
            "",
        ];
        string[] bottom = ["", "p  preempts the active VM     q  quits"];
        return [.. top, .. events.TakeLast(Math.Max(0, height - top.Length - bottom.Length)).Select(line => "  " + Event().Replace(line, "$1  $2")), .. bottom];
    }

    /// <summary>A line of the log: of it, the time of day and the sentence are for those who watch.</summary>
    [GeneratedRegex(@"^\S+ (\d\d:\d\d:\d\d)\.\d+Z \w+ +\S+ +(.*)$")]
    private static partial Regex Event();
}
