using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Jump.Files;

namespace Sentinel.Jump.Addresses;

/// <summary>Which backend has which addresses. Thread-safe.</summary>
internal sealed class StableAddresses(JumpPlaces places, ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly NumberBook _book = new(places.Addresses);
    private volatile ImmutableDictionary<BackendId, StableAddress> _current = ImmutableDictionary<BackendId, StableAddress>.Empty;

    /// <summary>Those of a backend; null if it has none.</summary>
    public StableAddress? Of(BackendId backend) => _current.GetValueOrDefault(backend);

    /// <summary>Sees to it that each of these has its own. What others had is kept for when they come back.</summary>
    /// <exception cref="IOException">They cannot be kept.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public IReadOnlyCollection<StableAddress> Give(IReadOnlyCollection<BackendId> backends, IPNetwork network)
    {
        lock (_lock)
        {
            var numbers = _book.Of([.. backends.Select(backend => backend.Name)], StableAddress.Room(network), out var trouble);
            if (trouble is not null)
            {
                Log.AddressesDamaged(logger, trouble);
            }

            _current = numbers.ToImmutableDictionary(one => new BackendId(one.Key), one => StableAddress.Of(new(one.Key), one.Value, network));
            return [.. _current.Values];
        }
    }
}
