using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Tests.Clouds;
using Sentinel.Recovery.Watching;
using Sentinel.Testing;

namespace Sentinel.Recovery.Tests;

/// <summary>The whole room, with real processes and real ports.</summary>
public sealed class RecoveryServiceTests : IAsyncLifetime
{
    private const int SigKill = 9;

    private readonly RecoveryRig _rig = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        Assert.DoesNotContain(_rig.Log.Lines, line => line.Event.EndsWith(".failed", StringComparison.Ordinal) && line.Level is LogLevel.Error);
    }

    [NeedsFact("linux")]
    public async Task A_killed_VM_comes_back_and_the_story_is_on_record()
    {
        await _rig.StartAsync(RecoveryRig.Vm("one", "exec sleep 1000"));
        await _rig.UntilAsync("one", BackendState.Serving);
        Assert.Empty(_rig.Recovery.Outages.List());
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_rig.Folder, "processes", "one.json")));
        var pid = _rig.PidOf("one");

        ProcessRig.Signal(pid, SigKill);

        await Eventually.TrueAsync(() => _rig.Recovery.Outages.List() is [{ ClosedAt: not null }]);
        await _rig.UntilAsync("one", BackendState.Serving);
        var outage = _rig.Recovery.Outages.List()[0];
        Assert.Equal((OutageCause.Preempted, 1, 1), (outage.Cause, outage.Attempts, outage.Preemptions));

        // A process runs before the request for it has its outcome, also that for the first one.
        var marks = outage.Timeline.Select(entry => entry.What).Where(mark => mark is not (OutageMark.Called or OutageMark.Accepted));
        Assert.Equal([OutageMark.Opened, OutageMark.Stopped, OutageMark.StartRequested, OutageMark.Running, OutageMark.Closed], marks);
        Assert.NotNull(outage.Durations.TotalSeconds);
        Assert.NotNull(outage.Durations.OursSeconds);
        var history = _rig.Recovery.HistoryOf(new("one"))!;
        Assert.Equal((1, outage.Duration, outage.Duration), (history.Preemptions, history.LastOutage, history.TypicalOutage));
        Assert.Null(history.Open);
        Assert.Null(_rig.Recovery.HistoryOf(new("two")));
        Assert.Subset(_rig.Log.Events.ToHashSet(), new HashSet<string> { "outage.opened", "backend.preempted", "recovery.start.requested", "outage.closed", "backend.state" });
        Assert.Equal(outage.Id, Path.GetFileNameWithoutExtension(Assert.Single(Directory.GetFiles(Path.Combine(_rig.Folder, "outages")))));
    }

    [NeedsFact("linux")]
    public async Task Health_checks_decide_when_a_VM_serves()
    {
        var port = RecoveryRig.FreePort();
        var gate = Path.Combine(_rig.Folder, "gate");
        await _rig.StartAsync(RecoveryRig.Vm(
            "one",
            $"while ! [ -e {gate} ]; do sleep 0.05; done; exec {Needs.Find("perl")} -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => \"127.23.0.1\", LocalPort => {port}, Listen => 9, ReuseAddr => 1) or die; while (my $c = $s->accept) {{ close $c }}'",
            health: new() { Port = port, Interval = TimeSpan.FromMilliseconds(200) }));
        await _rig.UntilAsync("one", BackendState.Verifying);
        await Eventually.TrueAsync(() => _rig.Recovery.HistoryOf(new("one")) is not null);
        Assert.False(_rig.Status("one").Healthy);

        await File.WriteAllTextAsync(gate, "");

        await _rig.UntilAsync("one", BackendState.Serving);
        Assert.True(_rig.Pools.Current.Backends[new("one")].TakesNew);
    }

    [NeedsFact("linux")]
    public async Task What_cannot_be_started_is_tried_again_and_goes_on_after_a_restart_of_the_daemon()
    {
        var settings = RecoveryRig.Vm("one", "exec sleep 1000");
        var broken = settings with { Process = new() { Command = ["/no/such/program"] } };
        await _rig.StartAsync(broken);
        await Eventually.TrueAsync(() => _rig.Recovery.HistoryOf(new("one"))?.Open?.Attempts >= 3);
        var outage = _rig.Recovery.HistoryOf(new("one"))!.Open!;
        Assert.Contains(outage.Timeline, entry => entry.What is OutageMark.Refused && entry.Detail == "there is no program /no/such/program");
        await _rig.StopAsync();

        await _rig.StartAsync(broken);
        await Eventually.TrueAsync(() => _rig.Recovery.Outages.Find(outage.Id)?.Attempts > outage.Attempts + 1);
        _rig.Reload(settings);

        await _rig.UntilAsync("one", BackendState.Serving);
        await Eventually.TrueAsync(() => _rig.Recovery.Outages.List() is [{ ClosedAt: not null }]);
        Assert.Contains(_rig.Recovery.Outages.Find(outage.Id)!.Timeline, entry => entry.What is OutageMark.Resumed);
    }

    [NeedsFact("linux")]
    public async Task Operators_drain_resume_and_are_told_what_makes_no_sense()
    {
        var one = new BackendId("one");
        await _rig.StartAsync(RecoveryRig.Vm("one", "exec sleep 1000"));
        await _rig.UntilAsync("one", BackendState.Serving);
        _rig.Pools.Current.Backends[one].Load.Enter();

        Assert.Equal(RequestResult.UnknownBackend, (await Ask(new("other"), OperatorRequest.Drain)).Result);
        Assert.Equal(new RequestOutcome(RequestResult.Refused, "it is serving"), await Ask(one, OperatorRequest.Recover));
        Assert.Equal(new RequestOutcome(RequestResult.Refused, "it is not drained"), await Ask(one, OperatorRequest.Resume));
        Assert.Equal(new RequestOutcome(RequestResult.Accepted), await Ask(one, OperatorRequest.Drain));
        Assert.Equal(BackendState.Draining, _rig.Status("one").State);
        Assert.True(_rig.Status("one").Healthy);
        _rig.Pools.Current.Backends[one].Load.Exit();
        await _rig.UntilAsync("one", BackendState.Drained);

        await _rig.StopAsync();
        await _rig.StartAsync(RecoveryRig.Vm("one", "exec sleep 1000"));
        await _rig.UntilAsync("one", BackendState.Drained);
        await Ask(one, OperatorRequest.Resume);
        Assert.Equal(BackendState.Serving, _rig.Status("one").State);

        Task<RequestOutcome> Ask(BackendId backend, OperatorRequest request) => _rig.Recovery.RequestAsync(backend, request, CancellationToken.None);
    }

    [NeedsFact("linux", "sshd", "ssh-keygen")]
    public async Task An_SSH_server_that_is_killed_comes_back()
    {
        var (port, key, file) = (RecoveryRig.FreePort(), Path.Combine(_rig.Folder, "key"), Path.Combine(_rig.Folder, "sshd_config"));
        using var keygen = Process.Start(Needs.Find("ssh-keygen")!, ["-q", "-t", "ed25519", "-N", "", "-f", key]);
        await keygen.WaitForExitAsync();
        await File.WriteAllTextAsync(file, $"ListenAddress 127.23.0.1:{port}\nHostKey {key}\nPidFile none\nUsePAM no\n");
        var one = RecoveryRig.Vm("one", "", health: new() { Kind = HealthKind.Ssh, Port = port, Interval = TimeSpan.FromMilliseconds(500) });
        await _rig.StartAsync(one with { Process = new() { Command = [Needs.Find("sshd")!, "-D", "-e", "-f", file] } });
        await _rig.UntilAsync("one", BackendState.Serving);
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_rig.Folder, "processes", "one.json")));

        ProcessRig.Signal(_rig.PidOf("one"), SigKill);

        await Eventually.TrueAsync(() => _rig.Recovery.Outages.List() is [{ ClosedAt: not null, Preemptions: 1 }]);
        await _rig.UntilAsync("one", BackendState.Serving);
    }

    [Fact]
    public async Task A_port_without_an_instance_is_watched()
    {
        var listener = new TcpListener(IPAddress.Parse("127.23.0.1"), 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await _rig.StartAsync(RecoveryRig.Watched("one", port));
        await _rig.UntilAsync("one", BackendState.Serving);

        listener.Stop();
        await Eventually.TrueAsync(() => !_rig.Status("one").Healthy);
        Assert.Equal(BackendState.Suspect, _rig.Status("one").State);
        using var again = new TcpListener(IPAddress.Parse("127.23.0.1"), port);
        again.Start();

        await _rig.UntilAsync("one", BackendState.Serving);
        await Eventually.TrueAsync(() => _rig.Recovery.Outages.List() is [{ Cause: OutageCause.Unhealthy, ClosedAt: not null, Attempts: 0 }]);
    }

    [Fact]
    public async Task A_failed_dial_brings_a_check_at_once()
    {
        using var listener = new TcpListener(IPAddress.Parse("127.23.0.1"), 0);
        listener.Start();
        var settings = RecoveryRig.Watched("one", ((IPEndPoint)listener.LocalEndpoint).Port);
        await _rig.StartAsync(settings with { Health = settings.Health! with { Interval = TimeSpan.FromHours(1), UnhealthyAfter = 1 } });
        await _rig.UntilAsync("one", BackendState.Serving);
        listener.Stop();

        _rig.Pools.ReportDialFailure(new("one"));

        await Eventually.TrueAsync(() => !_rig.Status("one").Healthy);
    }

    [NeedsFact("linux")]
    public async Task A_reload_touches_only_what_changed()
    {
        var (one, two) = (RecoveryRig.Vm("one", "exec sleep 1000"), RecoveryRig.Vm("two", "exec sleep 1000"));
        await _rig.StartAsync(one, two);
        await _rig.UntilAsync("one", BackendState.Serving);
        await _rig.UntilAsync("two", BackendState.Serving);
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_rig.Folder, "processes", "two.json")) && File.Exists(Path.Combine(_rig.Folder, "processes", "one.json")));
        var (firstPid, secondPid) = (_rig.PidOf("one"), _rig.PidOf("two"));
        var since = _rig.Status("one").Since;

        _rig.Reload(one with { Policy = one.Policy with { StartAfter = TimeSpan.FromSeconds(1) } }, RecoveryRig.Vm("three", "exec sleep 1000"));

        await _rig.UntilAsync("three", BackendState.Serving);
        await Eventually.TrueAsync(() => !ProcessRig.IsRunning(secondPid));
        Assert.Equal(since, _rig.Status("one").Since);
        Assert.True(ProcessRig.IsRunning(firstPid));
        Assert.Equal(["recovery.housekeeping", "recovery.one", "recovery.prober", "recovery.processes", "recovery.three"], LoopNames());

        _rig.Reload(one, two);
        await _rig.UntilAsync("two", BackendState.Serving);
    }

    [NeedsFact("linux")]
    public async Task An_outage_of_a_backend_that_leaves_the_configuration_is_closed()
    {
        var broken = RecoveryRig.Vm("one", "") with { Process = new() { Command = ["/no/such/program"] } };
        await _rig.StartAsync(broken, broken with { Definition = broken.Definition with { Id = new("two"), Instance = "process/two" }, Instance = new InstanceName("process", "", "two") });
        await Eventually.TrueAsync(() => _rig.Recovery.Outages.List().Count == 2);

        _rig.Reload(broken);
        await Eventually.TrueAsync(() => _rig.Recovery.Outages.List().Single(outage => outage.Backend == "two").ClosedAt is not null);
        await _rig.StopAsync();
        await _rig.StartAsync();

        Assert.All(_rig.Recovery.Outages.List(), outage => Assert.Equal(OutageMark.Removed, outage.Timeline[^1].What));
    }

    [NeedsFact("linux")]
    public async Task An_orderly_stop_takes_the_VMs_along()
    {
        await _rig.StartAsync(RecoveryRig.Vm("one", "exec sleep 1000"));
        await _rig.UntilAsync("one", BackendState.Serving);
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_rig.Folder, "processes", "one.json")));
        var pid = _rig.PidOf("one");

        await _rig.StopAsync();

        Assert.False(ProcessRig.IsRunning(pid));
        Assert.Empty(_rig.Loops.Stuck());
        Assert.Empty(Directory.GetFiles(Path.Combine(_rig.Folder, "outages")));
    }

    [NeedsFact("linux")]
    public async Task Records_that_cannot_be_written_stop_nothing()
    {
        await File.WriteAllTextAsync(Path.Combine(_rig.Folder, "outages"), "in the way");
        await _rig.StartAsync(RecoveryRig.Vm("one", "exec sleep 1000"));
        await _rig.UntilAsync("one", BackendState.Serving);
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_rig.Folder, "processes", "one.json")));
        ProcessRig.Signal(_rig.PidOf("one"), SigKill);

        await Eventually.TrueAsync(() => _rig.Recovery.Outages.List() is [{ ClosedAt: not null }]);
        Assert.NotNull(_rig.Recovery.Outages.Trouble);
        Assert.Single(_rig.Log.Events, name => name == "records.unwritable");

        File.Delete(Path.Combine(_rig.Folder, "outages"));
        await Eventually.TrueAsync(() => _rig.Recovery.Outages.Trouble is null);
        Assert.Single(Directory.GetFiles(Path.Combine(_rig.Folder, "outages")));
    }

    [NeedsFact("linux")]
    public async Task Figures_have_the_names_that_others_rely_on_and_end_with_their_backend()
    {
        await _rig.StartAsync(RecoveryRig.Vm("one", "exec sleep 1000"));
        await _rig.UntilAsync("one", BackendState.Serving);
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_rig.Folder, "processes", "one.json")));
        using var listener = new MeterListener();
        var seen = new HashSet<string>();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == "Sentinel.Recovery")
            {
                self.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Collect(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Collect(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Collect(instrument, 0, tags));
        listener.Start();
        ProcessRig.Signal(_rig.PidOf("one"), SigKill);
        await Eventually.TrueAsync(() => _rig.Recovery.Outages.List() is [{ ClosedAt: not null }]);
        await _rig.UntilAsync("one", BackendState.Serving);

        await Eventually.TrueAsync(() =>
        {
            listener.RecordObservableInstruments();
            return Seen().IsSupersetOf(
            [
                "sentinel.backend.healthy{backend=one} 1",
                "sentinel.backend.state{backend=one,state=serving} 1",
                "sentinel.backend.state{backend=one,state=held} 0",
                "sentinel.health.checks{backend=one,outcome=passed} 0",
                "sentinel.preemptions{backend=one} 1",
                "sentinel.outage.duration{backend=one} 0",
                "sentinel.recovery.attempts{backend=one,action=start,outcome=done} 2",
                "sentinel.cloud.requests{provider=process,method=start,outcome=done} 1",
                "sentinel.cloud.request.duration{provider=process,method=start} 0",
            ]);
        });

        _rig.Reload();
        await Eventually.TrueAsync(() =>
        {
            lock (seen)
            {
                seen.Clear();
            }

            listener.RecordObservableInstruments();
            return Seen().Count == 0;
        }, what: string.Join("\n", Seen()));

        HashSet<string> Seen()
        {
            lock (seen)
            {
                return [.. seen];
            }
        }

        void Collect(Instrument instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var text = string.Join(",", tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"));
            if (text.Contains("one", StringComparison.Ordinal) || text.StartsWith("provider", StringComparison.Ordinal))
            {
                lock (seen)
                {
                    seen.Add($"{instrument.Name}{{{text}}} {value}");
                }
            }
        }
    }

    [Fact]
    public async Task Settings_that_cannot_work_are_refused_before_anything_changes()
    {
        await _rig.StartAsync();
        var one = RecoveryRig.Vm("one", "exec sleep 1000");

        var plan = _rig.Recovery.Prepare(
        [
            one,
            one with { Definition = one.Definition with { Id = new("two") } },
            one with { Definition = one.Definition with { Id = new("three") }, Instance = new InstanceName("aws", "z", "three") },
            one with { Definition = one.Definition with { Id = new("four") }, Instance = new InstanceName("process", "", "four"), Process = null },
        ]);

        Assert.Equal(
            [
                "backends.three.instance: found \"aws/z/three\", expected an instance of process or gce",
                "backends.four.command: found nothing, expected the command of process/four",
                "backends.two.instance: found \"process/one\", which one has already",
            ],
            plan.Errors);
        Assert.Throws<ArgumentException>(() => _rig.Recovery.Commit(plan));
    }

    private string[] LoopNames() => [.. _rig.LoopNames().Order(StringComparer.Ordinal)];
}
