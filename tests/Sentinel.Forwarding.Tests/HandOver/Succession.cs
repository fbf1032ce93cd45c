using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Kit;

namespace Sentinel.Forwarding.Tests.HandOver;

/// <summary>Forwarders that follow one another, as processes do, with the same backends and the same store.</summary>
/// <param name="engines">Taken in turn.</param>
internal sealed class Succession(params RelayEngine[] engines) : IAsyncDisposable
{
    // More than any test closes at once.
    private const int Margin = 500;

    private readonly List<Forwarder> _all = [];
    private readonly List<FileStream> _fillers = [];

    public Rig Rig { get; } = new();

    /// <summary>What TLS is answered with; null: it is not.</summary>
    public ICertificates? Certificates { get; init; }

    /// <summary>Makes the listener, unless a test gives its own, from that of the rig.</summary>
    public Func<ListenerSettings, ListenerSettings> Shape { get; set; } = settings => settings;

    public MemoryStore Store { get; } = new();

    public Forwarder Current => _all[^1];

    /// <summary>Starts the next.</summary>
    public async Task StartAsync(params ListenerSettings[] listeners)
    {
        FillNumbers();
        _all.Add(new(Rig.Pools, new LoopRegistry(Rig.Time), Rig.Time, Rig.Logs, Store.Pass(), certificates: Certificates, store: Store));
        using var change = await Current.PrepareAsync(listeners.Length > 0 ? listeners : [Shape(Rig.Listener()) with { Engine = engines[(_all.Count - 1) % engines.Length] }]);
        Assert.Empty(change.Errors);
        change.Commit();
    }

    public Task LeaveAsync() => Current.HandOverAsync(() => Task.CompletedTask, CancellationToken.None);

    public async Task RestartAsync()
    {
        await LeaveAsync();
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var forwarder in _all)
        {
            await forwarder.DisposeAsync();
        }

        await Rig.DisposeAsync();
        Store.Dispose();
        _fillers.ForEach(filler => filler.Dispose());
    }

    /// <summary>
    /// In one process .NET's event loop still knows the sockets that were left, by number and open file. The same file
    /// must not come back under the same number: so all numbers that were ever in use are in use.
    /// </summary>
    private void FillNumbers()
    {
        var highest = Directory.EnumerateFileSystemEntries("/proc/self/fd").Max(entry => int.Parse(Path.GetFileName(entry)));

        // Out of descriptors the runtime ends the process with "Out of memory": it can start no thread then.
        Assert.True(highest + Margin < (long)Descriptors.Limit - Margin, $"{highest} is in use, of {Descriptors.Limit}: a test leaves descriptors open");
        FileStream filler;
        do
        {
            filler = new FileStream("/dev/null", FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            _fillers.Add(filler);
        }
        while ((int)filler.SafeFileHandle.DangerousGetHandle() < highest + Margin);
    }
}
