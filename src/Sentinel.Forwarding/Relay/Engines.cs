using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay.Managed;

namespace Sentinel.Forwarding.Relay;

/// <summary>The engines of the daemon, each made when a listener first asks for it.</summary>
internal sealed class Engines(LoopRegistry loops, TimeProvider time, ILoggerFactory logs) : IAsyncDisposable
{
    private readonly Lazy<IEngine> _managed = new(() => new ManagedEngine(loops, time, logs.CreateLogger("Sentinel.Forwarding.Relay")));

    /// <summary>The engine that a listener's settings ask for; null and why if this system or build has none.</summary>
    public IEngine? For(ListenerSettings settings, out string? error)
    {
        error = null;
        if (settings.Protocol == ListenerProtocol.Tcp)
        {
            return _managed.Value;
        }

        error = $"protocol {settings.Protocol} is not supported yet";
        return null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_managed.IsValueCreated)
        {
            await _managed.Value.DisposeAsync().ConfigureAwait(false);
        }
    }
}
