using System.Diagnostics;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>Who may no longer be here, and who only tries.</summary>
[Collection(JumpCollection.Name)]
public sealed class RevocationTests(JumpStage stage)
{
    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task A_removed_user_is_out_within_seconds_and_nobody_else_is()
    {
        using var removed = await stage.OpenAsync("dave", "vm-1");
        using var other = await stage.OpenAsync("alice", "vm-1");

        await RemoveAsync(removed);

        await Eventually.TrueAsync(() => stage.Sentinel.Events("ssh.session_revoked").Any(line => ((string)line["msg"]!).Contains("its key is no longer a user's", StringComparison.Ordinal)));
        Assert.Equal(255, (await stage.SshAsync("dave", "vm-1", "true")).Status);
        Assert.True(await JumpStage.AnswersAsync(other));

        await TakeBackAsync();
        other.Kill();
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task So_is_one_over_IPv6()
    {
        using var removed = await stage.OpenAsync("dave", "-J", "sentinel-6", JumpStage.Stable[0]);
        using var other = await stage.OpenAsync("alice", "-J", "sentinel-6", JumpStage.Stable[0]);

        await RemoveAsync(removed);

        await Eventually.TrueAsync(() => stage.Sentinel.Events("ssh.session_revoked").Any(line => ((string)line["msg"]!).Contains("[fd71:", StringComparison.Ordinal)));
        Assert.True(await JumpStage.AnswersAsync(other));
        await TakeBackAsync();
        other.Kill();
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task Over_IPv6_a_whole_household_is_refused_and_its_neighbours_are_not()
    {
        Task<Shell.Result> TryAsync(string from, string name) => KnockAsync(from, name, "sentinel-6");
        await GuessAsync(name => TryAsync(Region.Neighbour6, name));

        await Eventually.TrueAsync(() => stage.Sentinel.Events("ssh.source_refused").Any(line => ((string)line["msg"]!).StartsWith("fd71:0:0:2::/64 ", StringComparison.Ordinal)));
        Assert.Contains("Connection refused", (await TryAsync(Region.NeighboursOther6, "guest")).Error, StringComparison.Ordinal);
        Assert.Contains("Permission denied", (await TryAsync(Region.Home6, "guest")).Error, StringComparison.Ordinal);
        Assert.Equal("vm-1\n", (await stage.SshAsync("alice", "-J", "sentinel-6", JumpStage.Stable[0], "echo $MACHINE")).Ok());
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task A_removed_user_is_out_when_the_daemon_was_away_meanwhile()
    {
        using var removed = await stage.OpenAsync("dave", "vm-1");
        using var other = await stage.OpenAsync("alice", "vm-1");
        stage.Users.Remove("dave");

        await stage.RestartDaemonAsync();
        await JumpStage.EndedAsync(removed);

        await TakeBackAsync();
        other.Kill();
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task An_agent_with_ten_keys_and_an_office_of_which_some_err_are_no_attackers()
    {
        // The right key is the last that is shown.
        var ten = string.Join("\n  ", Enumerable.Range(0, 9).Select(i => $"IdentityFile {stage.KeyOf($"other-{i}").File}").Append($"IdentityFile {stage.KeyOf("alice").File}"));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("vm-1\n", (await stage.Region.Home.DoAsync("ssh", "-F", stage.ConfigOf("alice", ten), "vm-1", "echo $MACHINE")).Ok());
        }

        Assert.Equal(0, (await stage.SshAsync(stage.Region.LaptopA, "alice", "vm-1", "true")).Status);
        for (var i = 0; i < 12; i++)
        {
            Assert.Equal(255, (await stage.SshAsync(stage.Region.LaptopB, "mallory", "sentinel", "true")).Status);
        }

        Assert.Equal("vm-1\n", (await stage.SshAsync(stage.Region.LaptopA, "alice", "vm-1", "echo $MACHINE")).Ok());
        Assert.DoesNotContain(stage.Sentinel.Events("ssh.source_refused"), line => ((string)line["msg"]!).StartsWith(Region.Office, StringComparison.Ordinal));
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task Who_guesses_names_is_refused_by_the_kernel_and_the_log_says_why()
    {
        var attacker = Region.HomeAddress(30);
        Task<Shell.Result> TryAsync(string name) => KnockAsync(attacker, name, "sentinel");
        await GuessAsync(TryAsync);

        await Eventually.TrueAsync(() => stage.Sentinel.Events("ssh.source_refused").Any(line => ((string)line["msg"]!).StartsWith(attacker, StringComparison.Ordinal)));
        var why = (string)stage.Sentinel.Events("ssh.source_refused").Last()["msg"]!;
        Assert.Contains("who does not exist", why, StringComparison.Ordinal);
        Assert.Contains("Connection refused", (await TryAsync("guest")).Error, StringComparison.Ordinal);
        Assert.Equal("vm-1\n", (await stage.SshAsync("alice", "vm-1", "echo $MACHINE")).Ok());
    }

    /// <summary>Takes dave out of the file, and sees the end of his session.</summary>
    private async Task RemoveAsync(Process session)
    {
        stage.Users.Remove("dave");
        await stage.ReconfigureAsync();
        await JumpStage.EndedAsync(session);
    }

    private async Task TakeBackAsync()
    {
        stage.Users["dave"] = "vm-1";
        await stage.ReconfigureAsync();
        await Eventually.TrueAsync(async () => (await stage.SshAsync("dave", "vm-1", "true")).Status == 0);
    }

    private Task<Shell.Result> KnockAsync(string from, string name, string host) =>
        stage.Region.Home.DoAsync("ssh", "-F", stage.ConfigOf("mallory"), "-b", from, "-o", "LogLevel=INFO", "-o", $"User={name}", host, "true");

    /// <summary>As often as is borne.</summary>
    private static async Task GuessAsync(Func<string, Task<Shell.Result>> knock)
    {
        foreach (var name in new[] { "admin", "oracle", "postgres", "ubuntu", "test", "git" })
        {
            Assert.Contains("Permission denied", (await knock(name)).Error, StringComparison.Ordinal);
        }
    }
}
