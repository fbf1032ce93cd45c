using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.HandOver;

/// <summary>What this process leaves to the next, and what it got from the one before: listening sockets and connections.</summary>
/// <param name="store">Null: nobody keeps anything.</param>
internal sealed class Keeping(IDescriptorStore? store, PassedSockets passed, ILogger logger)
{
    private const string Prefix = "sentinel.";
    private const string Connections = Prefix + "connections";
    private const string Listening = Prefix + "listening.";

    /// <summary>Whether there is anybody to keep anything.</summary>
    public bool IsPossible => store is not null && OperatingSystem.IsLinux();

    /// <summary>Has a listening socket kept from now on, so that not even a crash refuses a connection.</summary>
    public void Keep(IPEndPoint address, Socket listening)
    {
        if (store?.Keep(NameOf(address), listening.SafeHandle) == false)
        {
            Log.NotKept(logger, address);
        }
    }

    /// <summary>The address is to be free.</summary>
    public void Forget(IPEndPoint address) => store?.Forget(NameOf(address));

    /// <summary>The socket of an address as it was kept; the caller's. Null if there is none.</summary>
    public Socket? Take(IPEndPoint address)
    {
        var listening = passed.TakeListening(NameOf(address), listening => address.Equals(listening.LocalEndPoint));
        if (listening is null)
        {
            Forget(address); // what may be kept under that name is not what it should be
            return null;
        }

        DeadPeer.Watch(listening); // anew: the process before may have been another version

        // .NET sets this on a socket that is closed in the midst of a call, and every accepted one would inherit it.
        listening.LingerState = new(enable: false, seconds: 0);
        return listening;
    }

    /// <summary>Leaves connections to the next process, or resets them where that fails.</summary>
    public void Leave(IReadOnlyList<KeptConnection> connections)
    {
        if (connections.Count == 0 || !OperatingSystem.IsLinux())
        {
            return;
        }

        try
        {
            using var parcel = Parcel.Pack(connections);
            if (!store!.Keep(Connections, parcel))
            {
                throw new IOException("the service manager does not take it");
            }

            foreach (var connection in connections)
            {
                connection.Dispose();
            }

            Log.LeftBehind(logger, connections.Count);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            Log.NotLeftBehind(logger, e, connections.Count);
            foreach (var connection in connections)
            {
                connection.Reset();
            }
        }
    }

    /// <summary>Waits until the next process is sure to get everything.</summary>
    public async Task SettleAsync()
    {
        if (store is not null && !await store.SettleAsync().ConfigureAwait(false))
        {
            Log.NotSettled(logger);
        }
    }

    /// <summary>The connections that the process before left; the caller's. They are given once.</summary>
    public IReadOnlyList<KeptConnection> Receive()
    {
        if (!OperatingSystem.IsLinux() || passed.TakeDescriptor(Connections) is not { } parcel)
        {
            return [];
        }

        // What is in it must not come a second time, should this process crash.
        store?.Forget(Connections);
        using (parcel)
        {
            try
            {
                var connections = Parcel.Unpack(parcel, out var lost);
                Log.Received(logger, connections.Count, lost);
                return connections;
            }
            catch (Exception e) when (e is SocketException or InvalidDataException)
            {
                // From another version, perhaps: no reason not to start.
                Log.NotReceived(logger, e);
                return [];
            }
        }
    }

    /// <summary>Closes and forgets the sockets of addresses that no listener has any more.</summary>
    public void ForgetUnclaimed()
    {
        foreach (var name in passed.CloseUntaken(Listening))
        {
            store?.Forget(name);
        }
    }

    // A colon separates the names in LISTEN_FDNAMES.
    private static string NameOf(IPEndPoint address) => Listening + address.ToString().Replace(':', '_');
}
