using Sentinel.Testing;

namespace Sentinel.Service.Tests;

/// <summary>The README's first command.</summary>
public sealed class DemoTests
{
    [NeedsFact("linux")]
    public async Task It_plays_through_a_preemption_and_leaves_nothing_behind()
    {
        var outcome = await RunningProgram.RunAsync(
            "dotnet", [Path.Combine(AppContext.BaseDirectory, "sentinel.dll"), "demo", "--boot", "200ms", "--preempt-every", "8s", "--for", "15s"]);

        Assert.Equal((0, ""), (outcome.Status, outcome.Errors));
        foreach (var text in (string[])["curl http://127.0.0.1:", "demo.preempting", "backend.preempted", "outage.closed", "daemon.stopped"])
        {
            Assert.Contains(text, outcome.Output, StringComparison.Ordinal);
        }

        var folder = System.Text.RegularExpressions.Regex.Match(outcome.Output, @"--config (\S+)/demo\.json").Groups[1].Value;
        Assert.NotEmpty(folder);
        Assert.False(Directory.Exists(folder));
        Assert.DoesNotContain(Directory.GetDirectories("/proc"), process => CommandOf(process).Contains(folder, StringComparison.Ordinal));
    }

    private static string CommandOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
