using System.Security.Cryptography;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>Logging in at the sentinel is as logging in at the VM: for everything that OpenSSH's programs do.</summary>
public sealed class LoginTests(LoginStage stage) : IClassFixture<LoginStage>
{
    private const string Front = "front";

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task A_command_runs_on_the_VM_with_its_exit_status_and_both_outputs()
    {
        var result = await stage.SshAsync("login", Front, "echo $MACHINE $(id -un); echo err >&2; exit 7");

        Assert.Equal((7, "spot-1 alice\n", "err\n"), (result.Status, result.Output, result.Error));
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task The_printed_configuration_jumps_too()
    {
        var result = await stage.SshAsync("jump", "spot-1", "echo $MACHINE $(id -un); exit 3");

        Assert.Equal((3, "spot-1 alice\n"), (result.Status, result.Output));
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task A_terminal_is_one_there_too()
    {
        using var input = new MemoryStream("test -t 0 && echo \"it is a $TERM\"; exit 4\n"u8.ToArray());
        var result = await stage.DoAsync(input, "env", "TERM=vt220", "ssh", "-F", stage.Sandbox.PathOf("login"), "-tt", Front);

        Assert.Equal(4, result.Status);
        Assert.Contains("it is a vt220", result.Output, StringComparison.Ordinal);
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task A_shell_reads_its_commands_from_a_pipe()
    {
        using var input = new MemoryStream("echo $MACHINE; exit 5\n"u8.ToArray());
        var result = await stage.DoAsync(input, "ssh", "-F", stage.Sandbox.PathOf("login"), "-T", Front);

        Assert.Equal((5, "spot-1\n"), (result.Status, result.Output));
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate", "sftp", "scp", "rsync")]
    public async Task Files_of_every_byte_go_by_sftp_scp_and_rsync()
    {
        var (here, there, client) = (stage.Sandbox.PathOf("original"), stage.Sandbox.PathOf("home"), stage.Sandbox.PathOf("login"));
        var content = RandomNumberGenerator.GetBytes(3_000_000);
        await File.WriteAllBytesAsync(here, content);
        stage.Sandbox.Write("batch", $"put {here} {there}/sftp\n");

        (await stage.DoAsync("sftp", "-q", "-F", client, "-b", stage.Sandbox.PathOf("batch"), Front)).Ok();
        (await stage.DoAsync("scp", "-q", "-F", client, here, $"{Front}:{there}/scp")).Ok();
        (await stage.DoAsync("scp", "-O", "-q", "-F", client, here, $"{Front}:{there}/old-scp")).Ok();
        (await stage.DoAsync("rsync", "-e", $"ssh -F {client}", here, $"{Front}:{there}/rsync")).Ok();

        Assert.All(["sftp", "scp", "old-scp", "rsync"], way => Assert.Equal(content, File.ReadAllBytes(Path.Combine(there, way))));
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task The_users_own_agent_goes_along_and_never_the_sentinels()
    {
        var client = stage.Sandbox.PathOf("login");
        var with = await stage.DoAsync("ssh-agent", "sh", "-c", $"ssh-add -q {stage.Sandbox.PathOf("other")} && ssh -A -F {client} {Front} ssh-add -l");
        var without = await stage.SshAsync("login", "-a", Front, "ssh-add -l; echo \"<$SSH_AUTH_SOCK>\"");

        Assert.Contains(" other (ED25519)", with.Ok(), StringComparison.Ordinal);
        Assert.DoesNotContain(" sentinel", with.Output, StringComparison.Ordinal);
        Assert.Equal("<>\n", without.Output);
    }

    [NeedsTheory("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [InlineData("-W 127.77.0.1:22 front")]
    [InlineData("-N -o ExitOnForwardFailure=yes -R 127.0.0.1:9999:127.0.0.1:22 front")]
    public async Task Nothing_is_forwarded_from_the_sentinel(string way)
    {
        var result = await stage.DoAsync(["timeout", "30", "ssh", "-F", stage.Sandbox.PathOf("login"), .. way.Split(' ')]);

        Assert.Equal(255, result.Status);
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task Who_wants_to_forward_in_a_session_is_told_to_jump()
    {
        using var session = stage.Start("ssh", "-F", stage.Sandbox.PathOf("login"), "-L", "127.0.0.7:8080:127.0.0.9:22", Front, "read line; exit 6");
        var said = session.StandardError.ReadToEndAsync();
        await Eventually.TrueAsync(async () => (await stage.DoAsync("ss", "-Hltn", "sport = :8080")).Output.Length > 0);
        Assert.Equal("", (await stage.DoAsync("bash", "-c", "exec 3<>/dev/tcp/127.0.0.7/8080; cat <&3")).Output);
        await Eventually.TrueAsync(() => stage.Sentinel.Events("ssh.destination_denied").Any());
        await Eventually.TrueAsync(IsMarked);
        await session.StandardInput.WriteLineAsync();
        await session.WaitForExitAsync();

        Assert.Equal(6, session.ExitCode);
        Assert.Equal("sentinel: forwarding (-L, -R, -D, -W) is refused to alice@, because it would begin at the sentinel. Use -J: ssh -J jump@127.0.0.1:2222 -p 22 alice@127.77.0.1\n", await said);
        Assert.Equal("", (await stage.SshAsync("login", Front, "true")).Error); // another session of hers is not
        await Eventually.TrueAsync(() => !IsMarked());

        bool IsMarked() => Path.Combine(stage.Sandbox.State, "ssh", "marks") is var marks && Directory.Exists(marks) && Directory.EnumerateFiles(marks, "refused-*").Any();
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task A_VM_with_another_host_key_is_not_gone_on_to_until_the_old_one_is_forgotten()
    {
        await stage.RemakeVmAsync("new-host");
        try
        {
            await Eventually.TrueAsync(() => stage.Sentinel.Events("jump.hostkey.changed").Any());

            var routed = await stage.SshAsync("login", Front, "echo $MACHINE");
            Assert.Equal((255, ""), (routed.Status, routed.Output));
            Assert.EndsWith(
                "sentinel: spot-1 shows another host key than before. If its disk was made anew, whoever runs this jump host has the old one forgotten: sentinel ssh-key forget spot-1\n",
                routed.Error, StringComparison.Ordinal);
            var jumping = await stage.SshAsync("jump", "spot-1", "echo $MACHINE");
            Assert.Equal((255, ""), (jumping.Status, jumping.Output));
            Assert.Contains("Host key verification failed.", jumping.Error, StringComparison.Ordinal);

            await ForgetAsync();
            Assert.Equal("spot-1\n", (await stage.SshAsync("login", Front, "echo $MACHINE")).Ok());
            Assert.Equal("spot-1\n", (await stage.SshAsync("jump", "spot-1", "echo $MACHINE")).Ok());
        }
        finally
        {
            await stage.RemakeVmAsync("host");
            await ForgetAsync();
        }

        async Task ForgetAsync()
        {
            await stage.SentinelAsync("ssh-key", "forget", "spot-1");
            await Eventually.TrueAsync(() => File.ReadAllText(Path.Combine(stage.Sandbox.State, "ssh", "known_hosts")).Length > 0);
            await stage.WriteClientAsync("jump", "alice");
        }
    }

    [NeedsTheory("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [InlineData("-oProxyCommand=touch {home}/taken")]
    [InlineData("-F{home}/file")]
    [InlineData("--")]
    public async Task A_command_is_never_an_option_of_the_ssh_that_sends_it_on(string command)
    {
        var home = stage.Sandbox.PathOf("home");
        var result = await stage.SshAsync("login", "-o", "SendEnv=none", Front, "--", command.Replace("{home}", home, StringComparison.Ordinal));

        Assert.NotEqual(255, result.Status); // the VM's shell minded it
        Assert.False(File.Exists($"{home}/taken"));
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task Users_cannot_read_the_sentinels_key_nor_look_around_and_others_cannot_have_it_sign()
    {
        Assert.NotEqual(0, (await stage.AsAsync(70_001, 70_000, $"cat {stage.Upstream}")).Status);
        Assert.NotEqual(0, (await stage.AsAsync(70_001, 70_000, $"ls {stage.Sandbox.State} {stage.Sandbox.State}/ssh {stage.Sandbox.State}/ssh/keys")).Status);
        Assert.NotEqual(0, (await stage.AsAsync(20_001, 65_534, $"SSH_AUTH_SOCK={stage.Agent}/users ssh-add -l")).Status);
        Assert.NotEqual(0, (await stage.AsAsync(70_001, 70_000, $"SSH_AUTH_SOCK={stage.Agent}/own ssh-add -l")).Status);
    }

    [NeedsTheory("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    [InlineData("other", "login", "front")]
    [InlineData("other", "jump", "spot-1")]
    public async Task A_key_that_nobody_has_gets_nobody_in(string key, string method, string host)
    {
        var file = stage.Sandbox.Write($"{method}-{key}", File.ReadAllText(stage.Sandbox.PathOf(method)).Replace(stage.Sandbox.PathOf("alice"), stage.Sandbox.PathOf(key), StringComparison.Ordinal));
        var result = await stage.DoAsync("ssh", "-F", file, host, "id");

        Assert.Equal((255, ""), (result.Status, result.Output));
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task Sessions_by_certificate_end_when_their_authority_is_no_longer_trusted()
    {
        var file = Certified();
        using var routed = stage.Start("ssh", "-F", file, Front, "echo in; exec cat");
        using var jumping = stage.Start("ssh", "-F", file, "-l", "jump", "-W", "127.77.0.1:22", Front);
        using var plain = stage.Start("ssh", "-F", stage.Sandbox.PathOf("login"), Front, "echo in; exec cat");
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

    private string Certified() => stage.Sandbox.Write("login-certified", File.ReadAllText(stage.Sandbox.PathOf("login"))
        .Replace($"IdentityFile {stage.Sandbox.PathOf("alice")}", $"IdentityFile {stage.Sandbox.PathOf("certified")}", StringComparison.Ordinal));

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task A_certificate_is_as_good_as_a_key_for_whom_it_names()
    {
        var file = Certified();

        Assert.Equal("spot-1\n", (await stage.DoAsync("ssh", "-F", file, Front, "echo $MACHINE")).Ok());
        Assert.Equal(255, (await stage.DoAsync("ssh", "-F", file, "-l", "root", Front, "id")).Status);
        var refused = await stage.DoAsync("ssh", "-F", file, "-l", "jump", "-W", "127.0.0.9:22", Front);
        Assert.Contains("forwarding failed", refused.Error, StringComparison.Ordinal); // let in, and let no further
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate")]
    public async Task The_sentinels_key_is_replaced_with_both_valid_in_between()
    {
        async Task WorksAsync() => Assert.Equal("spot-1\n", (await stage.SshAsync("login", Front, "echo $MACHINE")).Ok());
        var before = (await stage.SentinelAsync("ssh-key", "show")).Trim();

        var both = (await stage.SentinelAsync("ssh-key", "rotate")).Trim().Split('\n');
        Assert.Equal(before, both[0]);
        await WorksAsync(); // the VM knows the old one alone
        var refused = await stage.AskAsync("ssh-key", "finish");
        Assert.Equal(1, refused.Status);
        Assert.StartsWith("sentinel: Not every backend has the next key: spot-1 does not let alice in with it. Both keys stay in force.", refused.Error, StringComparison.Ordinal);
        await stage.WelcomeAsync();
        await WorksAsync();
        var after = (await stage.SentinelAsync("ssh-key", "finish")).Trim();
        await stage.WelcomeAsync(); // the new one alone
        await WorksAsync();

        Assert.Equal(both[1].Replace(" sentinel-next", " sentinel", StringComparison.Ordinal), after);
        Assert.Single((await Shell.RunAsync("env", $"SSH_AUTH_SOCK={stage.Agent}/own", "ssh-add", "-l")).Ok().Trim().Split('\n'));
    }

    [NeedsFact("root", "ip", "sshd", "ssh", "ssh-add", "unshare", "systemd-socket-activate", "ssh-audit")]
    public async Task Ssh_audit_finds_nothing_to_complain_about()
    {
        var lines = (await stage.DoAsync("ssh-audit", "-n", "-p", "2222", "127.0.0.1")).Output.Split('\n');

        Assert.Contains(lines, line => line.StartsWith("(kex) curve25519-sha256 ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("(key) ssh-ed25519 ", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains("[fail]", StringComparison.Ordinal));

        // Not an algorithm but sshd's mark of the counter-measure to CVE-2023-48795, which ssh-audit knows from 3.1 on.
        Assert.DoesNotContain(lines, line => line.Contains("[warn]", StringComparison.Ordinal) && !line.StartsWith("(kex) kex-strict-s-v00@openssh.com ", StringComparison.Ordinal));
    }
}
