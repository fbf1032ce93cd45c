using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Sentinel.Service.Lifetimes;
using Sentinel.Testing;

namespace Sentinel.Service.Tests.Lifetimes;

/// <summary>Against a real datagram socket, as systemd opens one.</summary>
public sealed class SystemdLinkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-notify-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [NeedsTheory("linux")]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_message_is_one_datagram(bool isAbstract)
    {
        var name = isAbstract ? $"@sentinel-test-{Guid.NewGuid():N}" : Path.Combine(_folder, "notify");
        using var systemd = Listen(name);
        using var manager = new SystemdLink(name, TimeSpan.FromSeconds(30));

        manager.Ready();
        manager.Alive();
        manager.Status("two\nlines");
        manager.Stopping();

        Assert.True(manager.IsPresent);
        Assert.Equal(["READY=1", "WATCHDOG=1", "STATUS=two lines", "STOPPING=1"], [Receive(systemd), Receive(systemd), Receive(systemd), Receive(systemd)]);
    }

    [NeedsFact("linux")]
    public void A_reload_is_timed_by_the_clock_that_systemd_compares_with()
    {
        var name = Path.Combine(_folder, "notify");
        using var systemd = Listen(name);
        using var manager = new SystemdLink(name, null);
        var before = MonotonicMicroseconds();

        manager.Reloading();

        var lines = Receive(systemd).Split('\n');
        Assert.Equal("RELOADING=1", lines[0]);
        Assert.StartsWith("MONOTONIC_USEC=", lines[1], StringComparison.Ordinal);
        Assert.InRange(long.Parse(lines[1]["MONOTONIC_USEC=".Length..], CultureInfo.InvariantCulture), before, MonotonicMicroseconds());
    }

    [Fact]
    public void Without_a_service_manager_nothing_happens()
    {
        using var manager = new SystemdLink(null, null);

        manager.Ready();

        Assert.False(manager.IsPresent);
    }

    [NeedsFact("linux")]
    public void A_service_manager_that_went_away_disturbs_nobody()
    {
        using var manager = new SystemdLink(Path.Combine(_folder, "gone"), null);

        manager.Ready();
    }

    [NeedsFact("linux")]
    public void Children_do_not_inherit_the_right_to_speak()
    {
        Environment.SetEnvironmentVariable("NOTIFY_SOCKET", "@nobody");
        Environment.SetEnvironmentVariable("WATCHDOG_USEC", "20000000");
        Environment.SetEnvironmentVariable("WATCHDOG_PID", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));

        using var manager = SystemdLink.FromEnvironment();

        Assert.Equal((true, TimeSpan.FromSeconds(20)), (manager.IsPresent, manager.Watchdog));
        Assert.Null(Environment.GetEnvironmentVariable("NOTIFY_SOCKET"));
        Assert.Null(Environment.GetEnvironmentVariable("WATCHDOG_USEC"));
        Assert.Null(Environment.GetEnvironmentVariable("WATCHDOG_PID"));
    }

    private static Socket Listen(string name)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 10_000 };
        socket.Bind(new UnixDomainSocketEndPoint(name[0] == '@' ? "\0" + name[1..] : name));
        return socket;
    }

    private static string Receive(Socket socket)
    {
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }

    /// <summary>What Linux calls CLOCK_MONOTONIC, asked independently of .NET's own timestamps.</summary>
    private static long MonotonicMicroseconds()
    {
        Assert.Equal(0, NativeClock.Read(1, out var now));
        return (now.Seconds * 1_000_000) + (now.Nanoseconds / 1000);
    }
}
