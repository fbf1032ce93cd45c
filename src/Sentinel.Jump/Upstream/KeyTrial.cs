using System.Collections.Concurrent;
using System.Globalization;
using Sentinel.Backends;
using Sentinel.Backends.Commands;
using Sentinel.Jump.Addresses;
using Sentinel.Jump.Keys;
using Sentinel.Jump.KeySync;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Upstream;

/// <summary>Finds out on which backends users would be turned away if the sentinel came with another key alone.</summary>
internal sealed class KeyTrial(JumpPlaces places, PoolTable pools, UserDirectory users, KeySyncDesk keySync, StableAddresses addresses, TimeProvider time)
{
    private const int MostAtOnce = 8;
    private const int MostOutput = 16 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <summary>Tries it: a backend has it if its daemon took it, else if one of its users gets in with it. Where nobody is at home nobody can be turned away.</summary>
    /// <param name="privateKey">The file.</param>
    /// <param name="key">Its public part.</param>
    /// <param name="port">Of stable addresses.</param>
    /// <returns>What stands against it, one clause for each such backend; none: nothing.</returns>
    public async Task<IReadOnlyList<string>> ObjectionsAsync(string privateKey, AuthorizedKey key, int port, CancellationToken cancellationToken)
    {
        var guests = users.Users.Values.Where(user => user.Backend is not null).ToLookup(user => user.Backend!.Value);
        var objections = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(
            pools.Current.Backends.Values, new ParallelOptions { MaxDegreeOfParallelism = MostAtOnce, CancellationToken = cancellationToken },
            async (backend, token) =>
            {
                if (await ObjectionAsync(backend, guests[backend.Id].FirstOrDefault()).ConfigureAwait(false) is { } objection)
                {
                    objections.Add($"{backend.Id} {objection}");
                }

                async Task<string?> ObjectionAsync(Backend tried, JumpUser? guest) =>
                    keySync.HasTaken(tried.Id, UpstreamKeys.LineOf(key)) switch
                    {
                        true => null,
                        false when guest is null => "was not given it",
                        _ when guest is null => null,
                        _ when !tried.Status.Healthy => "is away and cannot be tried",
                        _ => await LetsInAsync(tried.Id, guest.Name, privateKey, port, token).ConfigureAwait(false) ? null : $"does not let {guest.Name} in with it",
                    };
            }).ConfigureAwait(false);
        return [.. objections.Order(StringComparer.Ordinal)];
    }

    private async Task<bool> LetsInAsync(BackendId backend, string user, string privateKey, int port, CancellationToken cancellationToken)
    {
        if (addresses.Of(backend) is not { } stable)
        {
            return false;
        }

        // What the command there becomes does not matter: at this level ssh says that it was let in.
        var (_, said) = await Command.HearAsync(
            [
                "ssh", "-F", "none", "-T", "-l", user, "-p", port.ToString(CultureInfo.InvariantCulture), "-i", privateKey,
                "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "PreferredAuthentications=publickey", "-o", "BatchMode=yes",
                "-o", $"HostKeyAlias={backend}", "-o", $"UserKnownHostsFile=\"{places.KnownHosts}\"", "-o", "GlobalKnownHostsFile=none",
                "-o", "StrictHostKeyChecking=yes", "-o", "UpdateHostKeys=no", "-o", "ConnectTimeout=5", "-o", "LogLevel=VERBOSE",
                "--", stable.Address.ToString(), "true",
            ],
            Patience, MostOutput, time, cancellationToken).ConfigureAwait(false);
        return said.Contains("\nAuthenticated to ", StringComparison.Ordinal) || said.StartsWith("Authenticated to ", StringComparison.Ordinal);
    }
}
