using System.Security.Cryptography;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>Logging in at the sentinel is as logging in at the VM: for everything that OpenSSH's programs do.</summary>
public sealed class LoginTests(LoginStage stage) : IClassFixture<LoginStage>
{
    private const string Front = "front";

    /// <summary>Users, and the VMs that they are at home on.</summary>
    public static TheoryData<string, string> Homes => new() { { "alice", "vm-1" }, { "bob", "vm-2" }, { "carol", "vm-3" } };

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [MemberData(nameof(Homes))]
    public async Task A_command_runs_on_the_VM_with_its_exit_status_and_both_outputs(string user, string vm)
    {
        var result = await stage.SshAsync($"login-{user}", Front, "echo $MACHINE $(id -un); echo err >&2; exit 7");

        Assert.Equal((7, $"{vm} {user}\n", "err\n"), (result.Status, result.Output, result.Error));
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [MemberData(nameof(Homes))]
    public async Task The_printed_configuration_jumps_too(string user, string vm)
    {
        var result = await stage.SshAsync($"jump-{user}", vm, "echo $MACHINE $(id -un); exit 3");

        Assert.Equal((3, $"{vm} {user}\n"), (result.Status, result.Output));
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [MemberData(nameof(Homes))]
    public async Task A_terminal_is_one_there_too(string user, string vm)
    {
        using var input = new MemoryStream("test -t 0 && echo \"it is a $TERM on $MACHINE\"; exit 4\n"u8.ToArray());
        var result = await stage.Region.Home.DoAsync(input, "env", "TERM=vt220", "ssh", "-F", stage.Sandbox.PathOf($"login-{user}"), "-tt", Front);

        Assert.Equal(4, result.Status);
        Assert.Contains($"it is a vt220 on {vm}", result.Output, StringComparison.Ordinal);
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate", "script")]
    public async Task A_terminal_has_the_size_of_the_users_and_follows_it()
    {
        var seen = Path.Combine(stage.Sandbox.PathOf("home"), "seen");
        var there = stage.Sandbox.Write("there", $"stty size; touch {seen}; until [ \"$(stty size)\" = '40 120' ]; do sleep 0.1; done; exit 8\n");
        var here = stage.Sandbox.Write("here", $"""
            stty rows 30 cols 90
            (until [ -e {seen} ]; do sleep 0.1; done; stty rows 40 cols 120 < /dev/tty) &
            exec ssh -F {stage.Sandbox.PathOf("login-alice")} -t {Front} sh {there}

            """);

        var result = await stage.Region.Home.DoAsync("timeout", "60", "script", "-qec", $"sh {here}", "/dev/null");

        Assert.Equal(8, result.Status);
        Assert.Contains("30 90", result.Output, StringComparison.Ordinal);
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task An_interrupt_is_for_what_runs_on_the_VM()
    {
        // Short sleeps: one that is just beginning may miss the interrupt, and the shell then heeds it at its end.
        using var session = stage.Start(
            "timeout", "60", "ssh", "-F", stage.Sandbox.PathOf("login-alice"), "-tt", Front, "trap 'exit 9' INT; echo $MACHINE; for i in $(seq 50); do sleep 1; done");
        Assert.Equal("vm-1", await session.StandardOutput.ReadLineAsync());
        await session.StandardInput.WriteAsync('\x03');
        await session.StandardInput.FlushAsync();
        await JumpStage.EndedAsync(session);

        Assert.Equal(9, session.ExitCode);
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [MemberData(nameof(Homes))]
    public async Task A_shell_reads_its_commands_from_a_pipe(string user, string vm)
    {
        using var input = new MemoryStream("echo $MACHINE; exit 5\n"u8.ToArray());
        var result = await stage.Region.Home.DoAsync(input, "ssh", "-F", stage.Sandbox.PathOf($"login-{user}"), "-T", Front);

        Assert.Equal((5, $"{vm}\n"), (result.Status, result.Output));
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate", "sftp", "scp", "rsync")]
    [InlineData("alice")]
    [InlineData("bob")]
    [InlineData("carol")]
    public async Task Files_of_every_byte_go_by_sftp_scp_and_rsync(string user)
    {
        var (here, there, client) = (stage.Sandbox.PathOf("original"), Path.Combine(stage.Sandbox.PathOf("home"), user), stage.Sandbox.PathOf($"login-{user}"));
        var content = RandomNumberGenerator.GetBytes(3_000_000);
        await File.WriteAllBytesAsync(here, content);
        stage.Sandbox.Write("batch", $"put {here} {there}-sftp\n");

        (await stage.Region.Home.DoAsync("sftp", "-q", "-F", client, "-b", stage.Sandbox.PathOf("batch"), Front)).Ok();
        (await stage.Region.Home.DoAsync("scp", "-q", "-F", client, here, $"{Front}:{there}-scp")).Ok();
        (await stage.Region.Home.DoAsync("scp", "-O", "-q", "-F", client, here, $"{Front}:{there}-old-scp")).Ok();
        (await stage.Region.Home.DoAsync("rsync", "-e", $"ssh -F {client}", here, $"{Front}:{there}-rsync")).Ok();

        Assert.All(["sftp", "scp", "old-scp", "rsync"], way => Assert.Equal(content, File.ReadAllBytes($"{there}-{way}")));
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [MemberData(nameof(Homes))]
    public async Task The_users_own_agent_goes_along_and_never_the_sentinels(string user, string vm)
    {
        var client = stage.Sandbox.PathOf($"login-{user}");
        var with = await stage.Region.Home.DoAsync("ssh-agent", "sh", "-c", $"ssh-add -q {stage.Sandbox.PathOf("other")} && ssh -A -F {client} {Front} 'echo $MACHINE && ssh-add -l'");
        var without = await stage.SshAsync($"login-{user}", "-a", Front, "ssh-add -l; echo \"<$SSH_AUTH_SOCK>\"");

        Assert.StartsWith($"{vm}\n", with.Ok(), StringComparison.Ordinal);
        Assert.Contains(" other (ED25519)", with.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(" sentinel", with.Output, StringComparison.Ordinal);
        Assert.Equal("<>\n", without.Output);
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task Jumping_takes_no_agent_along_to_the_sentinel()
    {
        var refused = await stage.Region.Home.DoAsync(
            "ssh-agent", "sh", "-c", $"ssh-add -q {stage.Sandbox.PathOf("other")} && ssh -A -o LogLevel=DEBUG1 -F {stage.Sandbox.PathOf("login-alice")} -l jump {Front} ssh-add -l");

        Assert.NotEqual(0, refused.Status);
        Assert.DoesNotContain(" other (ED25519)", refused.Output, StringComparison.Ordinal);
        var grants = refused.Error.Split('\n').Where(line => line.Contains(" key options: ", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(grants);
        Assert.All(grants, line => Assert.EndsWith(" key options: permitopen port-forwarding", line.TrimEnd(), StringComparison.Ordinal));
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [InlineData("-W 127.77.0.1:22 front")]
    [InlineData("-N -o ExitOnForwardFailure=yes -R 127.0.0.1:9999:127.0.0.1:22 front")]
    public async Task Nothing_is_forwarded_from_the_sentinel(string way)
    {
        var result = await stage.Region.Home.DoAsync(["timeout", "30", "ssh", "-F", stage.Sandbox.PathOf("login-alice"), .. way.Split(' ')]);

        Assert.Equal(255, result.Status);
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task Who_wants_to_forward_in_a_session_is_told_to_jump()
    {
        using var session = stage.Start("ssh", "-F", stage.Sandbox.PathOf("login-alice"), "-L", "127.0.0.7:8080:10.72.1.2:22", Front, "read line; exit 6");
        var said = session.StandardError.ReadToEndAsync();
        await Eventually.TrueAsync(async () => (await stage.Region.Home.DoAsync("ss", "-Hltn", "sport = :8080")).Output.Length > 0);
        Assert.Equal("", (await stage.Region.Home.DoAsync("bash", "-c", "exec 3<>/dev/tcp/127.0.0.7/8080; cat <&3")).Output);
        await Eventually.TrueAsync(() => stage.Sentinel.Events("ssh.destination_denied").Any());
        await Eventually.TrueAsync(IsMarked);
        await session.StandardInput.WriteLineAsync();
        await session.WaitForExitAsync();

        Assert.Equal(6, session.ExitCode);
        Assert.Equal("sentinel: forwarding (-L, -R, -D, -W) is refused to alice@, because it would begin at the sentinel. Use -J: ssh -J jump@10.71.1.1:2222 -p 22 alice@127.77.0.1\n", await said);
        Assert.Equal("", (await stage.SshAsync("login-alice", Front, "true")).Error); // another session of hers is not
        await Eventually.TrueAsync(() => !IsMarked());

        bool IsMarked() => Path.Combine(stage.Sandbox.State, "ssh", "marks") is var marks && Directory.Exists(marks) && Directory.EnumerateFiles(marks, "refused-*").Any();
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task A_VM_with_another_host_key_is_not_gone_on_to_until_the_old_one_is_forgotten()
    {
        await stage.RemakeVmAsync(stage.Sandbox.PathOf("new-host"));
        try
        {
            await Eventually.TrueAsync(() => stage.Sentinel.Events("jump.hostkey.changed").Any());

            var routed = await stage.SshAsync("login-alice", Front, "echo $MACHINE");
            Assert.Equal((255, ""), (routed.Status, routed.Output));
            Assert.EndsWith(
                "sentinel: vm-1 shows another host key than before. If its disk was made anew, whoever runs this jump host has the old one forgotten: sentinel ssh-key forget vm-1\n",
                routed.Error, StringComparison.Ordinal);
            var jumping = await stage.SshAsync("jump-alice", "vm-1", "echo $MACHINE");
            Assert.Equal((255, ""), (jumping.Status, jumping.Output));
            Assert.Contains("Host key verification failed.", jumping.Error, StringComparison.Ordinal);

            await ForgetAsync();
            Assert.Equal("vm-1\n", (await stage.SshAsync("login-alice", Front, "echo $MACHINE")).Ok());
            Assert.Equal("vm-1\n", (await stage.SshAsync("jump-alice", "vm-1", "echo $MACHINE")).Ok());
        }
        finally
        {
            await stage.RemakeVmAsync(stage.Region.HostKey);
            await ForgetAsync();
        }

        async Task ForgetAsync()
        {
            await stage.SentinelAsync("ssh-key", "forget", "vm-1");
            await Eventually.TrueAsync(() => stage.IsKnown("vm-1"));
            await stage.WriteClientAsync("jump", "alice");
        }
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [InlineData("-oProxyCommand=touch {home}/taken")]
    [InlineData("-F{home}/file")]
    [InlineData("--")]
    public async Task A_command_is_never_an_option_of_the_ssh_that_sends_it_on(string command)
    {
        var home = stage.Sandbox.PathOf("home");
        var result = await stage.SshAsync("login-alice", "-o", "SendEnv=none", Front, "--", command.Replace("{home}", home, StringComparison.Ordinal));

        Assert.NotEqual(255, result.Status); // the VM's shell minded it
        Assert.False(File.Exists($"{home}/taken"));
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task Users_cannot_read_the_sentinels_key_nor_look_around_and_others_cannot_have_it_sign()
    {
        Assert.NotEqual(0, (await stage.AsAsync(70_001, 70_000, $"cat {stage.Upstream}")).Status);
        Assert.NotEqual(0, (await stage.AsAsync(70_001, 70_000, $"ls {stage.Sandbox.State} {stage.Sandbox.State}/ssh {stage.Sandbox.State}/ssh/keys")).Status);
        Assert.NotEqual(0, (await stage.AsAsync(20_001, 65_534, $"SSH_AUTH_SOCK={stage.Agent}/users ssh-add -l")).Status);
        Assert.NotEqual(0, (await stage.AsAsync(70_001, 70_000, $"SSH_AUTH_SOCK={stage.Agent}/own ssh-add -l")).Status);
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [InlineData("other", "login-alice", "front")]
    [InlineData("other", "jump-alice", "vm-1")]
    [InlineData("bob", "login-alice", "front")] // another user's
    [InlineData("bob", "jump-alice", "vm-1")]
    public async Task A_key_that_is_not_the_users_gets_nobody_in(string key, string method, string host)
    {
        var file = stage.Sandbox.Write($"{method}-{key}", File.ReadAllText(stage.Sandbox.PathOf(method)).Replace(stage.Sandbox.PathOf("alice"), stage.Sandbox.PathOf(key), StringComparison.Ordinal));
        var result = await stage.Region.Home.DoAsync("ssh", "-F", file, host, "id");

        Assert.Equal((255, ""), (result.Status, result.Output));
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task Sessions_by_certificate_end_when_their_authority_is_no_longer_trusted()
    {
        var file = Certified();
        using var routed = stage.Start("ssh", "-F", file, Front, "echo in; exec cat");
        using var jumping = stage.Start("ssh", "-F", file, "-l", "jump", "-W", "127.77.0.1:22", Front);
        using var plain = stage.Start("ssh", "-F", stage.Sandbox.PathOf("login-alice"), Front, "echo in; exec cat");
        Assert.Equal("in", await routed.StandardOutput.ReadLineAsync());
        Assert.StartsWith("SSH-2.0-", await jumping.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal("in", await plain.StandardOutput.ReadLineAsync());
        var (authorities, before) = (stage.Sandbox.PathOf("authority.pub"), await File.ReadAllTextAsync(stage.Sandbox.PathOf("authority.pub")));
        try
        {
            await File.WriteAllTextAsync(authorities, await File.ReadAllTextAsync(stage.Sandbox.PathOf("other.pub")));
            await JumpStage.EndedAsync(routed);
            await JumpStage.EndedAsync(jumping);
            Assert.True(await JumpStage.AnswersAsync(plain));
        }
        finally
        {
            await File.WriteAllTextAsync(authorities, before);
            plain.Kill();
        }
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task A_certificate_is_as_good_as_a_key_for_whom_it_names()
    {
        var file = Certified();

        Assert.Equal("vm-1\n", (await stage.Region.Home.DoAsync("ssh", "-F", file, Front, "echo $MACHINE")).Ok());
        Assert.Equal(255, (await stage.Region.Home.DoAsync("ssh", "-F", file, "-l", "root", Front, "id")).Status);
        var refused = await stage.Region.Home.DoAsync("ssh", "-F", file, "-l", "jump", "-W", "10.72.1.2:22", Front);
        Assert.Contains("forwarding failed", refused.Error, StringComparison.Ordinal); // let in, and let no further
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task The_sentinels_key_is_replaced_with_both_valid_in_between()
    {
        async Task WorksAsync() => Assert.Equal("vm-1\n", (await stage.SshAsync("login-alice", Front, "echo $MACHINE")).Ok());
        var before = (await stage.SentinelAsync("ssh-key", "show")).Trim();

        var both = (await stage.SentinelAsync("ssh-key", "rotate")).Trim().Split('\n');
        Assert.Equal(before, both[0]);
        await WorksAsync(); // the VM knows the old one alone
        var refused = await stage.AskAsync("ssh-key", "finish");
        Assert.Equal(1, refused.Status);
        Assert.StartsWith("sentinel: Not every backend has the next key: vm-1 does not let alice in with it; vm-2 does not let bob in with it; vm-3 does not let carol in with it. Both keys stay in force.", refused.Error, StringComparison.Ordinal);
        await stage.WelcomeAsync();
        await WorksAsync();
        var after = (await stage.SentinelAsync("ssh-key", "finish")).Trim();
        await stage.WelcomeAsync(); // the new one alone
        await WorksAsync();

        Assert.Equal(both[1].Replace(" sentinel-next", " sentinel", StringComparison.Ordinal), after);
        Assert.Single((await Shell.RunAsync("env", $"SSH_AUTH_SOCK={stage.Agent}/own", "ssh-add", "-l")).Ok().Trim().Split('\n'));
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate", "ssh-audit")]
    public async Task Ssh_audit_finds_nothing_to_complain_about()
    {
        var lines = (await stage.Region.Home.DoAsync("ssh-audit", "-n", "-p", "2222", Region.Sentinel4)).Output.Split('\n');

        Assert.Contains(lines, line => line.StartsWith("(kex) curve25519-sha256 ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("(key) ssh-ed25519 ", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains("[fail]", StringComparison.Ordinal));

        // Not an algorithm but sshd's mark of the counter-measure to CVE-2023-48795, which ssh-audit knows from 3.1 on.
        Assert.DoesNotContain(lines, line => line.Contains("[warn]", StringComparison.Ordinal) && !line.StartsWith("(kex) kex-strict-s-v00@openssh.com ", StringComparison.Ordinal));
    }

    private string Certified() => stage.Sandbox.Write("login-certified", File.ReadAllText(stage.Sandbox.PathOf("login-alice"))
        .Replace($"IdentityFile {stage.Sandbox.PathOf("alice")}", $"IdentityFile {stage.Sandbox.PathOf("certified")}", StringComparison.Ordinal));
}
