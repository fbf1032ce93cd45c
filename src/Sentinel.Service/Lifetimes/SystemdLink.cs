using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Sentinel.Forwarding.HandOver;

namespace Sentinel.Service.Lifetimes;

/// <summary>
/// Tells systemd how the daemon is doing: one datagram a message (sd_notify(3)). Where no service manager listens, every
/// message goes nowhere. Thread-safe.
/// </summary>
internal sealed class SystemdLink : IDisposable
{
    private readonly Socket? _socket;
    private readonly UnixDomainSocketEndPoint? _address;

    /// <param name="notifySocket">A path, or an abstract name after <c>@</c>; null: nobody listens.</param>
    /// <param name="watchdog">How long the service manager waits for a sign of life before it restarts the daemon; null: for ever.</param>
    public SystemdLink(string? notifySocket, TimeSpan? watchdog)
    {
        Watchdog = watchdog;
        if (notifySocket is ['/' or '@', _, ..] && !OperatingSystem.IsWindows())
        {
            _address = new UnixDomainSocketEndPoint(notifySocket[0] == '@' ? "\0" + notifySocket[1..] : notifySocket);
            _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
            {
                // A manager that does not read must not stop the daemon.
                SendTimeout = 1000,
            };
        }
    }

    /// <summary>Whether anybody listens.</summary>
    public bool IsPresent => _socket is not null;

    /// <summary>How often at least <see cref="Alive"/> must be said, times two; null if nobody waits for it.</summary>
    public TimeSpan? Watchdog { get; }

    /// <summary>
    /// The service manager that started this process. Its variables are taken out of the environment: a child that
    /// inherited them could speak in the daemon's name.
    /// </summary>
    public static SystemdLink FromEnvironment()
    {
        var socket = Take("NOTIFY_SOCKET");
        var watchdog = Take("WATCHDOG_USEC");
        var watched = Take("WATCHDOG_PID");
        var isForUs = watched is null || watched == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        return new SystemdLink(
            socket,
            isForUs && long.TryParse(watchdog, NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds) && microseconds > 0
                ? TimeSpan.FromMicroseconds(microseconds)
                : null);
    }

    /// <summary>Every listener is bound; also ends <see cref="Reloading"/>.</summary>
    public void Ready() => Send("READY=1");

    /// <summary>A reload begins. systemd compares the time with its own clock, CLOCK_MONOTONIC, which is also what .NET's timestamps are on Linux.</summary>
    public void Reloading() =>
        Send($"RELOADING=1\nMONOTONIC_USEC={(long)(TimeProvider.System.GetTimestamp() * (1e6 / TimeProvider.System.TimestampFrequency))}");

    /// <summary>The daemon is on its way out.</summary>
    public void Stopping() => Send("STOPPING=1");

    /// <summary>Every loop makes progress.</summary>
    public void Alive() => Send("WATCHDOG=1");

    /// <summary>One line for <c>systemctl status</c>.</summary>
    public void Status(string text) => Send("STATUS=" + text.ReplaceLineEndings(" "));

    /// <summary>A message with a descriptor, which systemd gets a duplicate of.</summary>
    /// <returns>False if it could not be sent.</returns>
    [SupportedOSPlatform("linux")]
    public bool Send(string message, SafeHandle descriptor)
    {
        if (_socket is null)
        {
            return false;
        }

        var added = false;
        try
        {
            descriptor.DangerousAddRef(ref added);
            var address = _address!.Serialize();
            DescriptorMessage.Send(
                _socket.SafeHandle, Encoding.UTF8.GetBytes(message), [(int)descriptor.DangerousGetHandle()], address.Buffer.Span[..address.Size]);
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
        finally
        {
            if (added)
            {
                descriptor.DangerousRelease();
            }
        }
    }

    /// <summary>A message in the form of sd_notify(3).</summary>
    public void Send(string message)
    {
        try
        {
            _socket?.SendTo(Encoding.UTF8.GetBytes(message), _address!);
        }
        catch (SocketException)
        {
            // A manager that went away or does not read has its own ways to find out.
        }
    }

    public void Dispose() => _socket?.Dispose();

    private static string? Take(string variable)
    {
        var value = Environment.GetEnvironmentVariable(variable);
        Environment.SetEnvironmentVariable(variable, null);
        return string.IsNullOrEmpty(value) ? null : value;
    }
}
