using System.Net;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>Looks up the address of a backend that is configured by name, away from the loops.</summary>
internal static class HostLookup
{
    /// <summary>Starts to look; <paramref name="answer"/> is called once on some thread, with null if the name has no address.</summary>
    public static void Begin(string host, Action<SocketName?> answer) => _ = LookUpAsync(host, answer);

    private static async Task LookUpAsync(string host, Action<SocketName?> answer)
    {
        // the resolver may work before its first await: not on the caller's time
        await Task.Yield();
        SocketName? found = null;
        try
        {
            var addresses = await Dns.GetHostAddressesAsync(host).ConfigureAwait(false);
            found = addresses.Length == 0 ? null : new(addresses[0], 0);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // an answer like any other: it has none
        }

        answer(found);
    }
}
