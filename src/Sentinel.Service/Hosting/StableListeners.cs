using System.Net;
using Sentinel.Backends;
using Sentinel.Forwarding.Listeners;
using Sentinel.Jump;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Hosting;

/// <summary>
/// The relays behind stable addresses: for each backend a listener and a pool of that backend alone, so that whoever jumps to
/// it waits out an outage. Given names have no colon, so nothing clashes.
/// </summary>
internal static class StableListeners
{
    private const string Prefix = "ssh:";

    /// <summary>For one backend: people, not programs. Descriptors are set aside for as many.</summary>
    private const int MostConnections = 1024;

    /// <summary>The configuration with them; the same if there is no jump host.</summary>
    /// <exception cref="IOException">Addresses cannot be kept.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static SentinelConfiguration AddTo(SentinelConfiguration configuration, JumpService jump)
    {
        if (configuration.Ssh is not { } ssh)
        {
            return configuration;
        }

        // In the order of the file, whatever order they came in.
        var addresses = jump.Prepare(ssh, [.. configuration.Backends.Select(backend => backend.Definition.Id)]).ToDictionary(address => address.Backend);
        var given = configuration.Backends.Select(backend => backend.Definition.Id).Where(addresses.ContainsKey).ToArray();
        return configuration with
        {
            // A VM that connects out is reached where sshd listens for it.
            Backends = [.. configuration.Backends.Select(backend => backend.Definition.Tunnel is not null && addresses.TryGetValue(backend.Definition.Id, out var own)
                ? backend with { Definition = backend.Definition with { Address = own.Tunnel.ToString() } } : backend)],
            Pools = [.. configuration.Pools, .. given.Select(id => new PoolDefinition { Id = PoolOf(id), Backends = [id] })],
            Listeners = [.. configuration.Listeners, .. given.Select(id => new ListenerSettings
            {
                Name = PoolOf(id).Name,
                Bind = [new(new IPEndPoint(addresses[id].Address, ssh.StablePort), null)],
                Protocol = ListenerProtocol.Tcp,
                Pool = PoolOf(id),
                Port = ssh.Port,
                Hold = ssh.Hold,
                MaxConnections = MostConnections,
            })],
        };
    }

    private static PoolId PoolOf(BackendId backend) => new(Prefix + backend.Name);
}
