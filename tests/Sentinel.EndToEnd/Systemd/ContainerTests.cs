using System.Text.Json.Nodes;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Systemd;

/// <summary>The ground the other tests stand on: a real systemd, alone with itself.</summary>
[Collection("systemd")]
public sealed class ContainerTests
{
    [NeedsFact("root", "systemd-nspawn", "debootstrap")]
    public async Task Two_systems_at_once_do_not_see_each_other()
    {
        await using var one = await Container.BootAsync();
        await using var other = await Container.BootAsync();
        one.Write("/etc/systemd/system/sentinel.service", """
            [Service]
            Type=notify
            ExecStart=/bin/bash -c 'systemd-notify --ready --status="here I am"; echo "<4>a warning"; exec sleep infinity'
            NotifyAccess=all

            """);

        await one.ShellAsync("systemctl daemon-reload && systemctl start sentinel.service");

        Assert.Equal("active", await one.PropertyAsync("ActiveState"));
        Assert.Equal("here I am", await one.PropertyAsync("StatusText"));
        Assert.Equal("inactive", await other.PropertyAsync("ActiveState"));
        Assert.Equal("sleep\0infinity\0", await File.ReadAllTextAsync($"/proc/{await one.MainProcessAsync()}/cmdline"));
        await Eventually.TrueAsync(async () => (await one.JournalAsync()).Any(line =>
            JsonNode.Parse(line) is { } entry && (string?)entry["MESSAGE"] == "a warning" && (string?)entry["PRIORITY"] == "4"));
        var network = (await one.RunInNetworkAsync("cat", "/proc/net/dev")).Ok().Split('\n', StringSplitOptions.RemoveEmptyEntries)[2..];
        Assert.StartsWith("lo:", Assert.Single(network).TrimStart(), StringComparison.Ordinal);
    }

    [NeedsFact("root", "systemd-nspawn", "debootstrap")]
    public async Task Nothing_is_left_of_one_that_ended()
    {
        var container = await Container.BootAsync();
        var process = (await container.ShellAsync("readlink /proc/self/ns/net")).Trim();

        await container.DisposeAsync();

        Assert.DoesNotContain(Directory.EnumerateDirectories("/proc"), folder => NetworkOf(folder) == process);
        Assert.False(Directory.Exists(container.Root));
    }

    [NeedsFact("root", "systemd-nspawn", "debootstrap")]
    public async Task The_daemon_runs_there()
    {
        await using var container = await Container.BootAsync();

        Assert.Equal("", (await container.RunAsync(Container.Program, "version")).Error);
    }

    private static string? NetworkOf(string folder)
    {
        try
        {
            return new FileInfo($"{folder}/ns/net").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
