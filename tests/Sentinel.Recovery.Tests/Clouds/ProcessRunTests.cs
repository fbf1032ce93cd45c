using System.Diagnostics;
using System.Runtime.Versioning;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Clouds.Process;
using Sentinel.Recovery.Clouds.Process.Linux;
using Sentinel.Recovery.Outages;
using Sentinel.Testing;

namespace Sentinel.Recovery.Tests.Clouds;

/// <summary>One daemon and a VM that starts, ends, is stopped and reset.</summary>
[SupportedOSPlatform("linux")]
public sealed class ProcessRunTests : IAsyncLifetime
{
    private const int SigSegv = 11;
    private const int SigTerm = 15;
    private const int SigKill = 9;

    private readonly ProcessRig _rig = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [NeedsFact("linux")]
    public async Task Starts_in_a_session_of_its_own_with_nothing_of_the_daemons()
    {
        await _rig.OpenAsync();
        Assert.Equal(OutageCause.NotStarted, _rig.Last.Stop!.Cause);

        var pid = await _rig.StartedAsync();

        Assert.Equal(InstanceCondition.Running, _rig.Last.Condition);
        Assert.Equal("127.0.0.1", _rig.Last.Address);
        await Eventually.TrueAsync(() => File.ReadAllText($"/proc/{pid}/comm").Trim() == "sleep");
        Assert.Equal(pid, ProcFiles.Stat(pid)!.Value.Session);

        // the loader opens one more for a moment; what was inherited would stay
        await Eventually.TrueAsync(() => Descriptors(pid).Order().SequenceEqual([0, 1, 2]));
        Assert.Equal(["/dev/null", _rig.LogPath, _rig.LogPath], new[] { 0, 1, 2 }.Select(descriptor => ProcFiles.OpenFile(pid, descriptor)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_rig.LogPath));
        var status = File.ReadAllLines($"/proc/{pid}/status");

        // All but 32 and 33, which the C library keeps for itself and leaves ignored.
        Assert.All(["SigIgn", "SigBlk", "SigCgt"], set => Assert.Equal(
            0L, Convert.ToInt64(status.Single(line => line.StartsWith(set, StringComparison.Ordinal))[8..], 16) & ~0x180000000));
    }

    [NeedsFact("linux")]
    public async Task Is_given_its_environment_and_nothing_that_is_for_the_daemon_alone()
    {
        Environment.SetEnvironmentVariable("NOTIFY_SOCKET", "/nowhere");
        Environment.SetEnvironmentVariable("SENTINEL_backends__x__address", "1.2.3.4");
        try
        {
            await _rig.OpenAsync(ProcessRig.Shell("env; exec sleep 1000") with { Environment = [new("GREETING", "hello you"), new("HOME", "/else")] });
            await _rig.StartedAsync();
        }
        finally
        {
            Environment.SetEnvironmentVariable("NOTIFY_SOCKET", null);
            Environment.SetEnvironmentVariable("SENTINEL_backends__x__address", null);
        }

        await Eventually.TrueAsync(() => _rig.Log.Contains("GREETING=hello you\n", StringComparison.Ordinal) && _rig.Log.Contains("\nPATH=", StringComparison.Ordinal));
        Assert.Contains("HOME=/else\n", _rig.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("NOTIFY_SOCKET", _rig.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("SENTINEL_", _rig.Log.Replace("VM_OF_SENTINEL", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [NeedsFact("linux")]
    public async Task Runs_where_it_is_told()
    {
        await _rig.OpenAsync(ProcessRig.Shell("pwd; exec sleep 1000") with { WorkingDirectory = "/usr" });
        await _rig.StartedAsync();

        await Eventually.TrueAsync(() => _rig.Log == "/usr\n");
    }

    [NeedsFact("linux")]
    public async Task A_signal_from_outside_is_a_preemption()
    {
        await _rig.OpenAsync();
        ProcessRig.Signal(await _rig.StartedAsync(), SigKill);

        await _rig.UntilAsync(InstanceCondition.Stopped);

        Assert.Equal(OutageCause.Preempted, _rig.Last.Stop!.Cause);
        Assert.Equal("killed by SIGKILL", _rig.Last.Stop.Detail);
        Assert.Equal(_rig.Reports[^2].Incarnation, _rig.Last.Incarnation);
    }

    [NeedsFact("linux")]
    public async Task A_crash_is_its_own_doing()
    {
        await _rig.OpenAsync();
        ProcessRig.Signal(await _rig.StartedAsync(), SigSegv);

        await _rig.UntilAsync(InstanceCondition.Stopped);

        Assert.Equal((OutageCause.Guest, "killed by SIGSEGV"), (_rig.Last.Stop!.Cause, _rig.Last.Stop.Detail));
    }

    [NeedsFact("linux")]
    public async Task An_exit_is_its_own_doing_and_each_start_is_a_new_run()
    {
        await _rig.OpenAsync(ProcessRig.Shell("exit 3"));
        await _rig.StartAsync();
        await _rig.UntilAsync(InstanceCondition.Stopped);
        var first = _rig.Last;
        await _rig.StartAsync();
        await Eventually.TrueAsync(() => _rig.Last.Condition is InstanceCondition.Stopped && _rig.Last.Incarnation > first.Incarnation);

        Assert.Equal((OutageCause.Guest, "exited with status 3"), (first.Stop!.Cause, first.Stop.Detail));
    }

    [NeedsFact("linux")]
    public async Task Starting_it_twice_at_once_starts_it_once()
    {
        await _rig.OpenAsync();

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => _rig.StartAsync()));

        Assert.Single(outcomes, outcome => outcome.Result is CloudResult.Done);
        Assert.Equal(9, outcomes.Count(outcome => outcome.Result is CloudResult.Already));
        Assert.Single(outcomes.Select(outcome => outcome.Detail.Split(' ')[1]).Distinct());
    }

    [NeedsFact("linux")]
    public async Task Stopping_lets_it_finish()
    {
        await _rig.OpenAsync(ProcessRig.Shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"));
        await _rig.StartedAsync();
        await Eventually.TrueAsync(() => _rig.Log.Contains("up", StringComparison.Ordinal));

        var outcome = await _rig.Cloud.StopAsync(ProcessRig.Vm, Guid.NewGuid(), CancellationToken.None);

        Assert.Equal(CloudResult.Done, outcome.Result);
        Assert.Contains("bye", _rig.Log, StringComparison.Ordinal);
        await _rig.UntilAsync(InstanceCondition.Stopped);
        Assert.Equal(OutageCause.Ours, _rig.Last.Stop!.Cause);
    }

    [NeedsFact("linux")]
    public async Task Stopping_ends_who_will_not_finish_and_all_that_descend_from_it()
    {
        await _rig.OpenAsync(ProcessRig.Shell($"trap '' TERM; setsid sleep 1000 & echo $! > {_rig.Folder}/child; sleep 1000"));
        var pid = await _rig.StartedAsync();
        var child = await _rig.PidFromAsync("child");

        await _rig.Cloud.StopAsync(ProcessRig.Vm, Guid.NewGuid(), new CancellationToken(canceled: true));

        await Eventually.TrueAsync(() => !ProcessRig.IsRunning(pid) && !ProcessRig.IsRunning(child));
        Assert.Equal(CloudResult.Already, (await _rig.Cloud.StopAsync(ProcessRig.Vm, Guid.NewGuid(), CancellationToken.None)).Result);
    }

    [NeedsFact("linux")]
    public async Task What_a_dead_VM_leaves_behind_is_ended()
    {
        // One still in the session but without environment, one with its environment but elsewhere, one that only writes to the log.
        await _rig.OpenAsync(ProcessRig.Shell($"""
            env -i sleep 1000 >/dev/null 2>&1 & echo $! > {_rig.Folder}/session
            setsid sleep 1000 >/dev/null 2>&1 & echo $! > {_rig.Folder}/marked
            env -i setsid sleep 1000 & echo $! > {_rig.Folder}/logged
            exec sleep 1000
            """));
        var pid = await _rig.StartedAsync();
        int[] left = [await _rig.PidFromAsync("session"), await _rig.PidFromAsync("marked"), await _rig.PidFromAsync("logged")];
        await Eventually.TrueAsync(() => left.All(process => File.ReadAllText($"/proc/{process}/comm").Trim() == "sleep"));

        ProcessRig.Signal(pid, SigKill);

        await Eventually.TrueAsync(() => !left.Any(ProcessRig.IsRunning));
    }

    [NeedsFact("linux")]
    public async Task A_reset_is_a_new_run_and_no_stop()
    {
        await _rig.OpenAsync();
        var before = await _rig.StartedAsync();
        var run = _rig.Last.Incarnation;

        var outcome = await _rig.Cloud.ResetAsync(ProcessRig.Vm, Guid.NewGuid(), CancellationToken.None);

        Assert.Equal(CloudResult.Done, outcome.Result);
        Assert.False(ProcessRig.IsRunning(before));
        Assert.True(_rig.Last.Incarnation > run);
        Assert.DoesNotContain(_rig.Reports.Skip(1), report => report.Condition is not InstanceCondition.Running);
    }

    [NeedsFact("linux")]
    public async Task A_reset_that_cannot_start_it_again_says_that_it_is_down()
    {
        var script = Path.Combine(_rig.Folder, "vm.sh");
        await File.WriteAllTextAsync(script, "#!/bin/sh\nexec sleep 1000\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        await _rig.OpenAsync(new() { Command = [script] });
        await _rig.StartedAsync();
        File.Delete(script);

        var outcome = await _rig.Cloud.ResetAsync(ProcessRig.Vm, Guid.NewGuid(), CancellationToken.None);

        Assert.Equal(CloudResult.Misconfigured, outcome.Result);
        Assert.Equal(InstanceCondition.Stopped, _rig.Last.Condition);
        Assert.Equal(OutageCause.Ours, _rig.Last.Stop!.Cause);
    }

    [NeedsTheory("linux")]
    [InlineData("/no/such/program", null, "there is no program /no/such/program")]
    [InlineData("/usr", null, "/usr is a directory")]
    [InlineData("/etc/passwd", null, "/etc/passwd may not be executed by this user")]
    [InlineData("no-such-program", null, "there is no program no-such-program on PATH")]
    [InlineData("", null, "the command is empty")]
    [InlineData("/bin/true", "/no/such/place", "there is no working directory /no/such/place")]
    [InlineData("/bin/true", "/etc/passwd", "the working directory /etc/passwd is a file")]
    public async Task A_command_that_cannot_be_run_is_refused_by_name(string program, string? directory, string expected)
    {
        await _rig.OpenAsync(new() { Command = [program], WorkingDirectory = directory });

        var outcome = await _rig.StartAsync();

        Assert.Equal(new CloudOutcome(CloudResult.Misconfigured, expected), outcome);
        Assert.Equal(OutageCause.NotStarted, _rig.Last.Stop!.Cause);
    }

    [NeedsFact("linux")]
    public async Task A_file_that_is_no_program_is_refused()
    {
        var file = Path.Combine(_rig.Folder, "nonsense");
        await File.WriteAllBytesAsync(file, [0x7f, (byte)'E', (byte)'L', (byte)'F', 1, 2, 3]);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        await _rig.OpenAsync(new() { Command = [file] });

        Assert.Equal(new CloudOutcome(CloudResult.Misconfigured, $"{file}: Exec format error"), await _rig.StartAsync());
    }

    [NeedsFact("linux")]
    public async Task A_long_log_is_put_aside_at_the_next_start()
    {
        await _rig.OpenAsync(ProcessRig.Shell("echo new; exec sleep 1000"));
        await File.WriteAllBytesAsync(_rig.LogPath, new byte[(1 << 20) + 1]);

        await _rig.StartedAsync();

        await Eventually.TrueAsync(() => _rig.Log == "new\n");
        Assert.Equal((1 << 20) + 1, new FileInfo(_rig.LogPath + ".1").Length);
    }

    [NeedsFact("linux")]
    public async Task Children_of_NETs_own_keep_their_exit_status_beside_ours()
    {
        await _rig.OpenAsync(ProcessRig.Shell("exit 0"));
        for (var i = 0; i < 20; i++)
        {
            var theirs = Process.Start("/bin/sh", ["-c", $"exit {i + 40}"]);
            await _rig.StartAsync();
            await theirs.WaitForExitAsync();
            Assert.Equal(i + 40, theirs.ExitCode);
            await _rig.UntilAsync(InstanceCondition.Stopped);
            Assert.Equal("exited with status 0", _rig.Last.Stop!.Detail);
        }
    }

    [NeedsFact("linux")]
    public async Task A_directory_that_cannot_be_written_keeps_nobody_from_starting()
    {
        Directory.Delete(_rig.Folder);
        await File.WriteAllTextAsync(_rig.Folder, "in the way");
        try
        {
            await _rig.OpenAsync();
            var pid = await _rig.StartedAsync();
            Assert.True(ProcessRig.IsRunning(pid));
            await _rig.Cloud.CloseAsync(new CancellationToken(canceled: true));
            await Eventually.TrueAsync(() => !ProcessRig.IsRunning(pid));
        }
        finally
        {
            File.Delete(_rig.Folder);
        }
    }

    [NeedsFact("linux")]
    public async Task A_VM_that_is_configured_no_longer_is_stopped_and_may_come_back()
    {
        await _rig.OpenAsync();
        var pid = await _rig.StartedAsync();

        _rig.Cloud.Configure(new Dictionary<InstanceName, ProcessSettings>());
        await Eventually.TrueAsync(() => !ProcessRig.IsRunning(pid) && !File.Exists(_rig.RecordPath));
        _rig.Cloud.Configure(new Dictionary<InstanceName, ProcessSettings> { [ProcessRig.Vm] = ProcessRig.Shell("exec sleep 1000") });

        Assert.NotEqual(pid, await _rig.StartedAsync());
    }

    [NeedsFact("linux")]
    public async Task A_polite_signal_that_kills_counts_as_preemption_too()
    {
        await _rig.OpenAsync();
        ProcessRig.Signal(await _rig.StartedAsync(), SigTerm);

        await _rig.UntilAsync(InstanceCondition.Stopped);

        Assert.Equal((OutageCause.Preempted, "killed by SIGTERM"), (_rig.Last.Stop!.Cause, _rig.Last.Stop.Detail));
    }

    private static int[] Descriptors(int pid) => [.. Directory.GetFileSystemEntries($"/proc/{pid}/fd").Select(path => int.Parse(Path.GetFileName(path)))];
}
