using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay.Managed;
using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Relay;

/// <summary>The engines of the daemon, each made when a listener first asks for it.</summary>
internal sealed class Engines(LoopRegistry loops, TimeProvider time, ILoggerFactory logs) : IAsyncDisposable
{
    private readonly Lazy<IEngine> _managed = new(() => new ManagedEngine(loops, time, logs.CreateLogger("Sentinel.Forwarding.Relay")));

    private readonly Lazy<IEngine> _splice = new(() => OperatingSystem.IsLinux()
        ? new SpliceEngine(time, loops, logs.CreateLogger("Sentinel.Forwarding.Relay"))
        : throw new PlatformNotSupportedException());

    /// <summary>The engine that a listener's settings ask for; null and why if this system or build has none.</summary>
    public IEngine? For(ListenerSettings settings, out string? error)
    {
        error = null;
        if (settings.Protocol == ListenerProtocol.Tcp)
        {
            var splices = settings.Engine == RelayEngine.Splice || (settings.Engine == RelayEngine.Auto && OperatingSystem.IsLinux());
            if (splices && !OperatingSystem.IsLinux())
            {
                error = "engine splice needs Linux: use managed, or auto";
                return null;
            }

            return splices ? _splice.Value : _managed.Value;
        }

        error = $"protocol {settings.Protocol} is not supported yet";
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var engine in new[] { _managed, _splice })
        {
            if (engine.IsValueCreated)
            {
                await engine.Value.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
