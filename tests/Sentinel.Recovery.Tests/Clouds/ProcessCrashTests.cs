using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Clouds.Process.Linux;
using Sentinel.Recovery.Outages;
using Sentinel.Testing;

namespace Sentinel.Recovery.Tests.Clouds;

/// <summary>A daemon that dies at a bad moment, and the next one over the same directory.</summary>
public sealed class ProcessCrashTests : IAsyncLifetime
{
    private const int SigKill = 9;

    private readonly ProcessRig _rig = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [NeedsFact("linux")]
    public async Task A_VM_that_runs_is_taken_over()
    {
        await _rig.OpenAsync();
        var pid = await _rig.StartedAsync();
        var run = _rig.Last.Incarnation;
        await _rig.CrashAsync();

        await _rig.OpenAsync();

        Assert.Equal((InstanceCondition.Running, run), (_rig.Last.Condition, _rig.Last.Incarnation));
        Assert.Equal(CloudResult.Already, (await _rig.StartAsync()).Result);
        ProcessRig.Signal(pid, SigKill);
        await _rig.UntilAsync(InstanceCondition.Stopped);
        Assert.NotEqual(pid, await _rig.StartedAsync());
    }

    [NeedsFact("linux")]
    public async Task Started_and_not_recorded()
    {
        await _rig.OpenAsync();
        var pid = await _rig.StartedAsync();
        var run = _rig.Last.Incarnation;
        await _rig.CrashAsync();
        File.Delete(_rig.RecordPath);

        await _rig.OpenAsync();

        Assert.Equal((InstanceCondition.Running, run), (_rig.Last.Condition, _rig.Last.Incarnation));
        Assert.Equal($"process {pid} runs", (await _rig.StartAsync()).Detail);
        Assert.Equal(pid, (int)JsonNode.Parse(File.ReadAllText(_rig.RecordPath))!["pid"]!);
    }

    [NeedsFact("linux")]
    public async Task Started_again_and_not_recorded_while_the_last_run_left_something()
    {
        await _rig.OpenAsync(ProcessRig.Shell($"setsid sleep 1000 & echo $! > {_rig.Folder}/child; exec sleep 1000"));
        await _rig.StartedAsync();
        var record = await File.ReadAllTextAsync(_rig.RecordPath);
        var first = await _rig.PidFromAsync("child");
        File.Delete(Path.Combine(_rig.Folder, "child"));
        await _rig.Cloud.ResetAsync(ProcessRig.Vm, Guid.NewGuid(), CancellationToken.None);
        var second = await _rig.PidFromAsync("child");
        var run = _rig.Last.Incarnation;
        await _rig.CrashAsync();
        await File.WriteAllTextAsync(_rig.RecordPath, record);

        await _rig.OpenAsync();

        Assert.Equal((InstanceCondition.Running, run), (_rig.Last.Condition, _rig.Last.Incarnation));
        Assert.False(ProcessRig.IsRunning(first));
        Assert.True(ProcessRig.IsRunning(second));
    }

    [NeedsFact("linux")]
    public async Task Recorded_and_dead()
    {
        await _rig.OpenAsync();
        var pid = await _rig.StartedAsync();
        var run = _rig.Last.Incarnation;
        await _rig.CrashAsync();
        ProcessRig.Signal(pid, SigKill);
        await Eventually.TrueAsync(() => !ProcessRig.IsRunning(pid));

        await _rig.OpenAsync();

        Assert.Equal((InstanceCondition.Stopped, run, OutageCause.Unknown), (_rig.Last.Condition, _rig.Last.Incarnation, _rig.Last.Stop!.Cause));
        await _rig.StartedAsync();
        Assert.True(_rig.Last.Incarnation > run);
    }

    [NeedsFact("linux")]
    public async Task The_first_process_is_dead_and_its_children_live()
    {
        await _rig.OpenAsync(ProcessRig.Shell($"sleep 1000 & echo $! > {_rig.Folder}/child; wait"));
        var pid = await _rig.StartedAsync();
        var child = await _rig.PidFromAsync("child");
        await _rig.CrashAsync();
        ProcessRig.Signal(pid, SigKill);
        await Eventually.TrueAsync(() => !ProcessRig.IsRunning(pid));

        await _rig.OpenAsync();

        Assert.Equal(InstanceCondition.Stopped, _rig.Last.Condition);
        Assert.False(ProcessRig.IsRunning(child));
    }

    [NeedsFact("linux")]
    public async Task The_first_process_is_dead_and_its_children_have_lost_their_marks_but_the_session()
    {
        await _rig.OpenAsync(ProcessRig.Shell($"env -i sleep 1000 >/dev/null 2>&1 & echo $! > {_rig.Folder}/child; wait"));
        var pid = await _rig.StartedAsync();
        var child = await _rig.PidFromAsync("child");
        await _rig.CrashAsync();
        ProcessRig.Signal(pid, SigKill);
        await Eventually.TrueAsync(() => !ProcessRig.IsRunning(pid));

        await _rig.OpenAsync();

        Assert.False(ProcessRig.IsRunning(child));
    }

    [NeedsFact("linux")]
    public async Task A_number_that_another_process_has_by_now_is_left_alone()
    {
        using var bystander = Process.Start("/bin/sleep", "1000");
        try
        {
            await _rig.OpenAsync();
            var pid = await _rig.StartedAsync();
            await _rig.CrashAsync();
            ProcessRig.Signal(pid, SigKill);
            var record = JsonNode.Parse(await File.ReadAllTextAsync(_rig.RecordPath))!;
            record["pid"] = bystander.Id;
            record["startedAt"] = ProcFiles.Stat(bystander.Id)!.Value.Process.StartedAt - 1;
            await File.WriteAllTextAsync(_rig.RecordPath, record.ToJsonString());

            await _rig.OpenAsync();
            Assert.Equal(InstanceCondition.Stopped, _rig.Last.Condition);
            await _rig.StartedAsync();
            await _rig.Cloud.CloseAsync(new CancellationToken(canceled: true));

            Assert.False(bystander.HasExited);
        }
        finally
        {
            bystander.Kill();
        }
    }

    [NeedsFact("linux")]
    public async Task A_record_of_before_the_machine_was_restarted_names_nobody()
    {
        using var bystander = Process.Start("/bin/sleep", "1000");
        try
        {
            await _rig.OpenAsync();
            await _rig.StartedAsync();
            await _rig.Cloud.StopAsync(ProcessRig.Vm, Guid.NewGuid(), new CancellationToken(canceled: true));
            await _rig.CrashAsync();
            var stat = ProcFiles.Stat(bystander.Id)!.Value;
            await File.WriteAllTextAsync(
                _rig.RecordPath, $$"""{"name":"vm-1","incarnation":5,"pid":{{bystander.Id}},"startedAt":{{stat.Process.StartedAt}},"bootId":"another"}""");

            await _rig.OpenAsync();

            Assert.Equal((InstanceCondition.Stopped, OutageCause.HostError), (_rig.Last.Condition, _rig.Last.Stop!.Cause));
            Assert.False(bystander.HasExited);
        }
        finally
        {
            bystander.Kill();
        }
    }

    [NeedsTheory("linux")]
    [InlineData("")]
    [InlineData("{\"name\":\"vm-1\",\"incarn")]
    [InlineData("[]")]
    [InlineData("{\"name\":\"another\",\"incarnation\":1,\"pid\":1,\"startedAt\":1,\"bootId\":\"x\"}")]
    public async Task A_torn_or_foreign_record_costs_nothing_while_the_VM_runs(string text)
    {
        await _rig.OpenAsync();
        var pid = await _rig.StartedAsync();
        await _rig.CrashAsync();
        await File.WriteAllTextAsync(_rig.RecordPath, text);

        await _rig.OpenAsync();

        Assert.Equal($"process {pid} runs", (await _rig.StartAsync()).Detail);
    }

    [NeedsFact("linux")]
    public async Task How_a_VM_ended_outlives_the_daemon_that_saw_it()
    {
        await _rig.OpenAsync();
        ProcessRig.Signal(await _rig.StartedAsync(), SigKill);
        await _rig.UntilAsync(InstanceCondition.Stopped);
        await Eventually.TrueAsync(() => File.ReadAllText(_rig.RecordPath).Contains("preempted", StringComparison.Ordinal));
        await _rig.CrashAsync();

        await _rig.OpenAsync();

        Assert.Equal((OutageCause.Preempted, "killed by SIGKILL"), (_rig.Last.Stop!.Cause, _rig.Last.Stop.Detail));
    }

    [NeedsFact("linux")]
    public async Task After_an_orderly_stop_it_starts_afresh()
    {
        await _rig.OpenAsync();
        await _rig.StartedAsync();
        await _rig.Cloud.CloseAsync(CancellationToken.None);
        await _rig.CrashAsync();

        await _rig.OpenAsync();

        Assert.Equal(OutageCause.NotStarted, _rig.Last.Stop!.Cause);
    }

    [NeedsFact("linux")]
    public async Task A_VM_that_left_the_configuration_meanwhile_is_ended()
    {
        var gone = new InstanceName("process", "", "gone/or not");
        await _rig.OpenAsync(vm: gone);
        var pid = int.Parse((await _rig.Cloud.StartAsync(gone, Guid.NewGuid(), CancellationToken.None)).Detail.Split(' ')[1]);
        await _rig.CrashAsync();

        await _rig.OpenAsync();

        await Eventually.TrueAsync(() => !ProcessRig.IsRunning(pid));
        Assert.Empty(Directory.GetFiles(_rig.Folder, "gone*.json"));
    }

    [NeedsFact("linux")]
    public async Task How_a_VM_ended_that_is_no_child_of_ours_is_found_out_or_unknown()
    {
        await _rig.OpenAsync();
        using var parent = Process.Start("/bin/sh", ["-c", $"setsid sleep 1000 & echo $! > {_rig.Folder}/stranger"]);
        await parent.WaitForExitAsync();
        var stranger = await _rig.PidFromAsync("stranger");
        var told = new TaskCompletionSource<Recovery.Clouds.Process.ProcessExit>();
        using var host = new LinuxProcessHost(new Backends.Progress.LoopRegistry(TimeProvider.System));
        Assert.True(host.Adopt(ProcFiles.Stat(stranger)!.Value.Process, told.SetResult));

        ProcessRig.Signal(stranger, SigKill);

        var exit = await told.Task.WaitAsync(Eventually.Patience);
        Assert.Contains(exit.Cause, new[] { OutageCause.Preempted, OutageCause.Unknown });
        if (Environment.OSVersion.Version >= new Version(6, 15))
        {
            Assert.Equal("killed by SIGKILL", exit.ToString());
        }
    }

    [NeedsFact("linux", "sshd", "ssh-keygen")]
    public async Task A_program_that_writes_its_title_over_its_environment_is_known_all_the_same()
    {
        var key = Path.Combine(_rig.Folder, "key");
        await Process.Start(Needs.Find("ssh-keygen")!, ["-q", "-t", "ed25519", "-N", "", "-f", key]).WaitForExitAsync();
        var port = FreePort();
        await File.WriteAllTextAsync(Path.Combine(_rig.Folder, "sshd_config"), $"ListenAddress 127.23.0.1:{port}\nHostKey {key}\nPidFile none\nUsePAM no\n");
        await _rig.OpenAsync(new() { Command = [Needs.Find("sshd")!, "-D", "-e", "-f", Path.Combine(_rig.Folder, "sshd_config")] });
        var pid = await _rig.StartedAsync();
        await Eventually.TrueAsync(() => File.ReadAllText($"/proc/{pid}/cmdline").Contains("[listener]", StringComparison.Ordinal));
        await _rig.CrashAsync();
        var record = await File.ReadAllTextAsync(_rig.RecordPath);
        File.Delete(_rig.RecordPath);

        // Without the record its log alone gives it away: it cannot be taken over, but it is not doubled either.
        await _rig.OpenAsync(new() { Command = ["/bin/sleep", "1000"] });
        var next = await _rig.StartedAsync();

        Assert.False(ProcessRig.IsRunning(pid), record);
        Assert.True(ProcessRig.IsRunning(next));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Parse("127.23.0.1"), 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
