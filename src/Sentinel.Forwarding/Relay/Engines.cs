using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay.Kernel;
using Sentinel.Forwarding.Relay.Managed;
using Sentinel.Forwarding.Relay.Splice;
using Sentinel.Forwarding.Tls;

namespace Sentinel.Forwarding.Relay;

/// <summary>The engines of the daemon, each made when a listener first asks for it.</summary>
internal sealed class Engines : IAsyncDisposable
{
    private readonly Lazy<IEngine> _managed;
    private readonly Lazy<HttpEngine> _http;
    private readonly Lazy<IEngine> _splice;
    private readonly Lazy<IEngine> _kernel;
    private readonly ConcurrentDictionary<IEngine, TlsEngine> _tls = new();
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

        switch (settings.Protocol)
        {
            case ListenerProtocol.Https or ListenerProtocol.Tls when !_hasCertificates:
                error = "there are no certificates to answer TLS with";
                return null;
            case ListenerProtocol.Http or ListenerProtocol.Https:
                return _http.Value;
            case ListenerProtocol.Tls:
                return Relay(settings.Engine, out error) is { } relay ? _tls.GetOrAdd(relay, relay => new(relay, _http.Value)) : null;
            default:
                return Relay(settings.Engine, out error);
        }
    }

    private IEngine? Relay(RelayEngine wanted, out string? error)
    {
        error = wanted is RelayEngine.Splice or RelayEngine.Kernel && !OperatingSystem.IsLinux()
            ? $"engine {wanted.ToString().ToLowerInvariant()} needs Linux: use managed, or auto"
            : null;
        return (error, wanted) switch
        {
            (not null, _) => null,
            (_, RelayEngine.Kernel) => _kernel.Value,
            (_, RelayEngine.Managed) => _managed.Value,
            _ => OperatingSystem.IsLinux() ? _splice.Value : _managed.Value,
        };
    }

    public async ValueTask DisposeAsync()
    {
        // The kernel engine before the one that it falls back to.
        foreach (var engine in new[] { _kernel, _managed, _splice })
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
