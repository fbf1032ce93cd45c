using System.Net;
using System.Net.Sockets;

namespace Sentinel.Service.Lifetimes;

/// <summary>
/// Lets .NET run what waits for a socket on the thread that learned of it, instead of handing it to another: a third of the
/// processor time of a small request goes into such handing over. Whoever may keep a thread for long must step aside (see
/// docs/decisions/http-speed.md).
/// </summary>
internal static class InlineSockets
{
    // Read once, when the process first waits for a socket; there is no other way to ask for it.
    private const string Variable = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>To be called before anything else of the process touches a socket. Does nothing where the administrator has decided, or not on Linux.</summary>
    public static void TurnOn()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable(Variable) is not null)
        {
            return;
        }

        Environment.SetEnvironmentVariable(Variable, "1");
        try
        {
            // One wait, so that it is read; then it goes, so that no child inherits what is meant for this process.
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            using var enough = new CancellationTokenSource();
            var waiting = socket.ReceiveAsync(new byte[1].AsMemory(), enough.Token).AsTask();
            enough.Cancel();
            _ = waiting.ContinueWith(static over => over.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }
        catch (SocketException)
        {
            // Without loopback it is only slower.
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }
}
