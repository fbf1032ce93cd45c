using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay.Kernel;
using Sentinel.Forwarding.Relay.Managed;
using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Relay;

/// <summary>The engines of the daemon, each made when a listener first asks for it.</summary>
internal sealed class Engines : IAsyncDisposable
{
    private readonly Lazy<IEngine> _managed;
    private readonly Lazy<IEngine> _http;
    private readonly Lazy<IEngine> _splice;
    private readonly Lazy<IEngine> _kernel;
    private readonly bool _hasCertificates;

    /// <param name="sentinel">The sentinel's name, which what it puts into the kernel bears.</param>
    public Engines(string sentinel, PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory logs, IOutageOutlook outlook, ICertificates? certificates)
    {
        _hasCertificates = certificates is not null;
        var logger = logs.CreateLogger("Sentinel.Forwarding.Relay");
        _managed = new(() => new ManagedEngine(loops, time, logger));
        _http = new(() => new HttpEngine(pools, loops, time, logs, outlook, certificates));
        _splice = new(() => OperatingSystem.IsLinux() ? new SpliceEngine(time, loops, logger) : throw new PlatformNotSupportedException());
        _kernel = new(() => new KernelEngine(sentinel, _splice.Value, loops, time, logger));
    }

    /// <summary>The engine that a listener's settings ask for; null and why if this system or build has none.</summary>
    public IEngine? For(ListenerSettings settings, out string? error)
    {
        error = settings.Transparent ? TransparentSource.Refusal() : null;
        if (error is not null)
        {
            return null;
        }

        switch (settings.Protocol, settings.Engine)
        {
            case (ListenerProtocol.Tcp, RelayEngine.Splice or RelayEngine.Kernel) when !OperatingSystem.IsLinux():
                error = $"engine {settings.Engine.ToString().ToLowerInvariant()} needs Linux: use managed, or auto";
                return null;
            case (ListenerProtocol.Tcp, RelayEngine.Kernel):
                return _kernel.Value;
            case (ListenerProtocol.Tcp, RelayEngine.Splice):
            case (ListenerProtocol.Tcp, RelayEngine.Auto) when OperatingSystem.IsLinux():
                return _splice.Value;
            case (ListenerProtocol.Tcp, _):
                return _managed.Value;
            case (ListenerProtocol.Https, _) when !_hasCertificates:
                error = "there are no certificates for protocol https";
                return null;
            case (ListenerProtocol.Http or ListenerProtocol.Https, _):
                return _http.Value;
            default:
                error = $"protocol {settings.Protocol} is not supported yet";
                return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        // The kernel engine before the one that it falls back to.
        foreach (var engine in new[] { _kernel, _managed, _splice, _http })
        {
            if (engine.IsValueCreated)
            {
                await engine.Value.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
