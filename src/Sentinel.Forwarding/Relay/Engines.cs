using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay.Managed;
using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Relay;

/// <summary>The engines of the daemon, each made when a listener first asks for it.</summary>
internal sealed class Engines(PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory logs, IOutageOutlook outlook) : IAsyncDisposable
{
    private readonly Lazy<IEngine> _managed = new(() => new ManagedEngine(loops, time, logs.CreateLogger("Sentinel.Forwarding.Relay")));
    private readonly Lazy<IEngine> _http = new(() => new HttpEngine(pools, loops, time, logs, outlook));
    private readonly Lazy<IEngine> _splice = new(() => OperatingSystem.IsLinux()
        ? new SpliceEngine(time, loops, logs.CreateLogger("Sentinel.Forwarding.Relay"))
        : throw new PlatformNotSupportedException());

    /// <summary>The engine that a listener's settings ask for; null and why if this system or build has none.</summary>
    public IEngine? For(ListenerSettings settings, out string? error)
    {
        error = null;
        switch (settings.Protocol, settings.Engine)
        {
            case (ListenerProtocol.Tcp, RelayEngine.Splice) when !OperatingSystem.IsLinux():
                error = "engine splice needs Linux: use managed, or auto";
                return null;
            case (ListenerProtocol.Tcp, RelayEngine.Splice):
            case (ListenerProtocol.Tcp, RelayEngine.Auto) when OperatingSystem.IsLinux():
                return _splice.Value;
            case (ListenerProtocol.Tcp, _):
                return _managed.Value;
            case (ListenerProtocol.Http, _):
                return _http.Value;
            default:
                error = $"protocol {settings.Protocol} is not supported yet";
                return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var engine in new[] { _managed, _splice, _http })
        {
            if (engine.IsValueCreated)
            {
                await engine.Value.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
