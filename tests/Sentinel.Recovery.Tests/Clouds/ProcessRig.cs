using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Clouds.Process;
using Sentinel.Recovery.Clouds.Process.Linux;
using Sentinel.Testing;

namespace Sentinel.Recovery.Tests.Clouds;

/// <summary>A process cloud over a directory of its own, and what it says of its one VM.</summary>
internal sealed partial class ProcessRig : IAsyncDisposable
{
    public static readonly InstanceName Vm = new("process", "", "vm-1");

    private readonly List<ProcessCloud> _clouds = [];
    private readonly List<InstanceReport> _reports = [];

    public string Folder { get; } = Directory.CreateTempSubdirectory("processes-").FullName;

    public ProcessCloud Cloud => _clouds[^1];

    public IReadOnlyList<InstanceReport> Reports
    {
        get
        {
            lock (_reports)
            {
                return [.. _reports];
            }
        }
    }

    public InstanceReport Last => Reports[^1];

    public string Log => File.Exists(LogPath) ? File.ReadAllText(LogPath) : "";

    public string LogPath => Path.Combine(Folder, "vm-1.log");

    public string RecordPath => Path.Combine(Folder, "vm-1.json");

    public static ProcessSettings Shell(string script) => new() { Command = ["/bin/sh", "-c", script] };

    /// <summary>The cloud of one more daemon over the same directory.</summary>
    public async Task OpenAsync(ProcessSettings? settings = null, InstanceName? vm = null)
    {
        var cloud = new ProcessCloud(Folder, TimeProvider.System, new LoopRegistry(TimeProvider.System), NullLogger.Instance);
        _clouds.Add(cloud);
        await cloud.OpenAsync(new Dictionary<InstanceName, ProcessSettings> { [vm ?? Vm] = settings ?? Shell("exec sleep 1000") }, CancellationToken.None);
        lock (_reports)
        {
            _reports.Clear();
        }

        cloud.Watch(vm ?? Vm, report =>
        {
            lock (_reports)
            {
                _reports.Add(report);
            }
        });
    }

    /// <summary>The daemon dies: its VMs go on, and nobody watches them.</summary>
    public ValueTask CrashAsync() => Cloud.DisposeAsync();

    public Task<CloudOutcome> StartAsync() => Cloud.StartAsync(Vm, Guid.NewGuid(), CancellationToken.None);

    /// <summary>The first process of the run that goes on.</summary>
    public async Task<int> StartedAsync()
    {
        var outcome = await StartAsync();
        Assert.True(outcome.IsGood, outcome.Detail);
        return int.Parse(outcome.Detail.Split(' ')[1]);
    }

    public Task UntilAsync(InstanceCondition condition) => Eventually.TrueAsync(() => Last.Condition == condition);

    public static bool IsRunning(int pid) => ProcFiles.Stat(pid) is { HasEnded: false };

    /// <summary>Waits for a number that a VM wrote into a file.</summary>
    public async Task<int> PidFromAsync(string file)
    {
        var path = Path.Combine(Folder, file);
        await Eventually.TrueAsync(() => File.Exists(path) && File.ReadAllText(path).EndsWith('\n'));
        return int.Parse(await File.ReadAllTextAsync(path));
    }

    public static void Signal(int pid, int signal) => Assert.Equal(0, Kill(pid, signal));

    public async ValueTask DisposeAsync()
    {
        // Whatever a test left, the last daemon finds and ends.
        await OpenAsync();
        await Cloud.CloseAsync(new CancellationToken(canceled: true));
        foreach (var cloud in _clouds)
        {
            await cloud.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
