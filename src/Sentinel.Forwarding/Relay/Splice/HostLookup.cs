using System.Net;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Relay.Splice;

/// <summary>Looks up the address of a backend that is configured by name, away from the loops.</summary>
internal static class HostLookup
{
    /// <summary>Starts to look; <paramref name="answer"/> is called once on some thread, with its addresses, none if there are none.</summary>
    public static void Begin(string host, Action<SocketName[]> answer) => _ = LookUpAsync(host, answer);

    private static async Task LookUpAsync(string host, Action<SocketName[]> answer)
    {
        // the resolver may work before its first await: not on the caller's time
        await Task.Yield();
        SocketName[] found = [];
        try
        {
            found = [.. (await Dns.GetHostAddressesAsync(host).ConfigureAwait(false)).Select(address => new SocketName(address, 0))];
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // an answer like any other: it has none
        }

        answer(found);
    }
}
