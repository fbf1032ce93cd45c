using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay.Managed;
using Sentinel.Forwarding.Relay.Splice;
using Sentinel.Forwarding.Tls;

namespace Sentinel.Forwarding.Relay;

/// <summary>The engines of the daemon, each made when a listener first asks for it.</summary>
internal sealed class Engines(PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory logs, IOutageOutlook outlook, ICertificates? certificates) : IAsyncDisposable
{
    private readonly Lazy<IEngine> _managed = new(() => new ManagedEngine(loops, time, logs.CreateLogger("Sentinel.Forwarding.Relay")));
    private readonly Lazy<HttpEngine> _http = new(() => new HttpEngine(pools, loops, time, logs, outlook, certificates));
    private readonly Lazy<IEngine> _splice = new(() => OperatingSystem.IsLinux()
        ? new SpliceEngine(time, loops, logs.CreateLogger("Sentinel.Forwarding.Relay"))
        : throw new PlatformNotSupportedException());

    private readonly ConcurrentDictionary<IEngine, TlsEngine> _tls = new();

    /// <summary>The engine that a listener's settings ask for; null and why if this system or build has none.</summary>
    public IEngine? For(ListenerSettings settings, out string? error)
    {
        error = null;
        switch (settings.Protocol)
        {
            case ListenerProtocol.Http:
                return _http.Value;
            case ListenerProtocol.Https or ListenerProtocol.Tls when certificates is null:
                error = "there are no certificates to answer TLS with";
                return null;
            case ListenerProtocol.Https:
                return _http.Value;
            case ListenerProtocol.Tls:
                return Relay(settings.Engine, out error) is { } relay ? _tls.GetOrAdd(relay, relay => new(relay, _http.Value)) : null;
            default:
                return Relay(settings.Engine, out error);
        }
    }

    private IEngine? Relay(RelayEngine wanted, out string? error)
    {
        error = wanted == RelayEngine.Splice && !OperatingSystem.IsLinux() ? "engine splice needs Linux: use managed, or auto" : null;
        return error is not null ? null : wanted != RelayEngine.Managed && OperatingSystem.IsLinux() ? _splice.Value : _managed.Value;
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

        // After the relays: what they give back goes there.
        if (_http.IsValueCreated)
        {
            await _http.Value.DisposeAsync().ConfigureAwait(false);
        }
    }
}
