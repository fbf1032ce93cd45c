using Microsoft.Extensions.Logging;
using Sentinel.Backends.Files;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Clouds.Process.Linux;
using Sentinel.Recovery.Clouds.Process.Portable;
using Sentinel.Recovery.Recording;

namespace Sentinel.Recovery.Clouds.Process;

/// <summary>The cloud whose VMs are child processes of the daemon.</summary>
internal sealed class ProcessCloud : ICloud
{
    public const string Name = "process";

    /// <summary>Between asking a VM to end and killing it.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly IProcessHost _host;
    private readonly string _directory;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<InstanceName, ProcessVm> _vms = [];
    private readonly Dictionary<InstanceName, Task> _removals = [];
    private ProcessCloudParts? _parts;
    private HashSet<InstanceName> _configured = [];

    public ProcessCloud(string directory, TimeProvider time, LoopRegistry loops, ILogger logger)
        : this(directory, time, logger, OperatingSystem.IsLinux() && ExitWatch.IsSupported() ? new LinuxProcessHost(loops) : new PortableProcessHost())
    {
    }

    public ProcessCloud(string directory, TimeProvider time, ILogger logger, IProcessHost host) =>
        (_directory, _time, _logger, _host) = (directory, time, logger, host);

    /// <summary>Everything is local: what fails will hardly be better a second later, and stopping takes its time.</summary>
    public static CloudPipelineOptions Pipeline { get; } = new()
    {
        Total = TimeSpan.FromSeconds(60),
        Attempt = TimeSpan.FromSeconds(30),
        Retries = 1,
        RetryDelay = TimeSpan.FromMilliseconds(200),
        Break = TimeSpan.FromSeconds(1),
    };

    public string Provider => Name;

    /// <summary>Takes over what still runs of these VMs, and ends what runs of any other that this state directory ever had.</summary>
    public async Task OpenAsync(IReadOnlyDictionary<InstanceName, ProcessSettings> vms, CancellationToken cancellationToken)
    {
        _parts = new(_host, _directory, TakeDirectory(), _time, _logger);
        lock (_lock)
        {
            _configured = [.. vms.Keys];
            foreach (var (name, settings) in vms)
            {
                _vms.Add(name, new(_parts, name, settings));
            }
        }

        await EndUnknownAsync().ConfigureAwait(false);
        var found = await _host.ScanAsync(Vms().ToDictionary(vm => vm.Key.Name, vm => vm.Value.Mark)).ConfigureAwait(false);
        await Task.WhenAll(Vms().Select(vm => vm.Value.OpenAsync([.. found.Where(process => process.Vm == vm.Key.Name)]))).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Adds VMs, stops those that are gone, and gives the others their settings.</summary>
    public void Configure(IReadOnlyDictionary<InstanceName, ProcessSettings> vms)
    {
        lock (_lock)
        {
            _configured = [.. vms.Keys];
            foreach (var (name, settings) in vms)
            {
                if (_vms.TryGetValue(name, out var known))
                {
                    known.Settings = settings;
                }
                else
                {
                    var vm = new ProcessVm(_parts!, name, settings);
                    _vms.Add(name, vm);
                    _ = OpenLateAsync(name, vm);
                }
            }

            foreach (var (name, vm) in _vms)
            {
                if (!_configured.Contains(name) && (!_removals.TryGetValue(name, out var removal) || removal.IsCompleted))
                {
                    _removals[name] = RemoveAsync(name, vm);
                }
            }
        }
    }

    public IDisposable Watch(InstanceName vm, Action<InstanceReport> observer) => Find(vm).Watch(observer);

    public void Refresh(InstanceName vm, bool closely = false) => Find(vm).Repeat();

    public Task<CloudOutcome> StartAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) => Find(vm).StartAsync(cancellationToken);

    public Task<CloudOutcome> StopAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) =>
        Find(vm).StopAsync(Grace, forget: false, cancellationToken);

    public Task<CloudOutcome> ResetAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) => Find(vm).ResetAsync(cancellationToken);

    /// <summary>Stops all VMs in order.</summary>
    /// <param name="hurry">Ends their time to finish.</param>
    public async Task CloseAsync(CancellationToken hurry)
    {
        Task[] removals;
        lock (_lock)
        {
            removals = [.. _removals.Values];
        }

        await Task.WhenAll(Vms().Select(vm => StopAsync(vm.Key, vm.Value, hurry)).Concat(removals)).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        _host.Dispose();
        return ValueTask.CompletedTask;
    }

    private KeyValuePair<InstanceName, ProcessVm>[] Vms()
    {
        lock (_lock)
        {
            return [.. _vms];
        }
    }

    private ProcessVm Find(InstanceName vm)
    {
        lock (_lock)
        {
            return _vms[vm];
        }
    }

    private async Task StopAsync(InstanceName name, ProcessVm vm, CancellationToken hurry)
    {
        var outcome = await vm.StopAsync(Grace, forget: true, hurry).ConfigureAwait(false);
        if (!outcome.IsGood)
        {
            Log.VmNotStopped(_logger, name, outcome.Detail);
        }
    }

    private async Task RemoveAsync(InstanceName name, ProcessVm vm)
    {
        try
        {
            await Task.Yield();
            await StopAsync(name, vm, CancellationToken.None).ConfigureAwait(false);
            lock (_lock)
            {
                // It may have been configured again while it was being stopped.
                if (!_configured.Contains(name))
                {
                    _vms.Remove(name);
                }
            }
        }
        catch (Exception e)
        {
            Log.VmClearFailed(_logger, e, name);
        }
    }

    private async Task OpenLateAsync(InstanceName name, ProcessVm vm)
    {
        try
        {
            await Task.Yield();
            var found = await _host.ScanAsync(new Dictionary<string, VmMark> { [name.Name] = vm.Mark }).ConfigureAwait(false);
            await vm.OpenAsync(found).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.VmClearFailed(_logger, e, name);
        }
    }

    /// <summary>VMs that left the configuration while no daemon ran.</summary>
    private async Task EndUnknownAsync()
    {
        var known = Vms().Select(vm => FileName.Of(vm.Key.Name)).ToHashSet();
        var endings = new List<Task>();
        foreach (var path in Directory.Exists(_directory) ? Directory.EnumerateFiles(_directory, "*.json") : [])
        {
            var file = Path.GetFileNameWithoutExtension(path);
            var name = Uri.UnescapeDataString(file);
            if (!known.Contains(file) && new VmFiles(_directory, name).Read(out _) is not null)
            {
                endings.Add(EndAsync(new(Name, "", name)));
            }
        }

        await Task.WhenAll(endings).ConfigureAwait(false);

        async Task EndAsync(InstanceName name)
        {
            var vm = new ProcessVm(_parts!, name, new() { Command = [] });
            await vm.OpenAsync([]).ConfigureAwait(false);
            await StopAsync(name, vm, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <returns>The name of this directory that its processes bear: made once, kept with it.</returns>
    private string TakeDirectory()
    {
        var path = Path.Combine(_directory, "owner");
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(_directory);
            }
            else
            {
                Directory.CreateDirectory(_directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            if (File.Exists(path) && File.ReadAllText(path) is { Length: 32 } owner && owner.All(char.IsAsciiHexDigit))
            {
                return owner;
            }

            owner = Guid.NewGuid().ToString("N");
            DurableFile.Write(path, System.Text.Encoding.ASCII.GetBytes(owner));
            return owner;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.OwnerUnwritable(_logger, path, e.Message);
            return Guid.NewGuid().ToString("N");
        }
    }
}
