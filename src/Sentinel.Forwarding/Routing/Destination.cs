using Sentinel.Backends;

namespace Sentinel.Forwarding.Routing;

/// <summary>Where a connection or request goes: a pool, and the port of whichever backend that picks.</summary>
internal sealed record Destination(PoolId Pool, int Port);
