using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends.Progress;
using Sentinel.Jump.Keys;
using Sentinel.Jump.Sessions;
using Sentinel.Jump.Users;
using Sentinel.Testing;

namespace Sentinel.Jump.Tests.Sessions;

/// <summary>Real connections of this machine, and a log as sshd writes it.</summary>
public sealed class SessionWatchTests : IAsyncDisposable
{
    private static readonly AuthorizedKey Key =
        AuthorizedKey.TryParse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGDSHY8Yy2VFZ6mTMrnRSCNqLXVgH4pMCLYqzQDWG8Rt")!;

    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-watch-").FullName;
    private readonly Socket _sshd = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly JumpSettings _settings;
    private Entrance? _entrance;

    public SessionWatchTests()
    {
        _sshd.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _sshd.Listen();
        _settings = new() { Bind = [(IPEndPoint)_sshd.LocalEndPoint!], Log = Path.Combine(_folder, "log") };
        Admit("alice", "bob");
    }

    public ValueTask DisposeAsync()
    {
        _sshd.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [NeedsFact("root")]
    public async Task The_sessions_of_a_removed_user_end_and_no_others()
    {
        await using var watch = Watch();
        using var alice = LogIn("alice");
        using var bob = LogIn("bob");

        Admit("bob");

        await EndedAsync(alice);
        Assert.True(GoesOn(bob));
    }

    [NeedsFact("root")]
    public async Task Who_logs_in_by_a_key_that_was_just_removed_is_out_at_once()
    {
        await using var watch = Watch();
        Admit("bob");

        await EndedAsync(LogIn("alice"));
    }

    [NeedsFact("root")]
    public async Task A_later_daemon_finds_them_too()
    {
        using var alice = LogIn("alice");
        using var bob = LogIn("bob");
        await using (Watch())
        {
        }

        Admit("bob");
        await using var next = Watch();

        await EndedAsync(alice);
        Assert.True(GoesOn(bob));
    }

    [NeedsFact("root")]
    public async Task A_client_that_writes_lines_of_its_own_into_the_log_ends_nobody_and_hides_nobody()
    {
        await using var watch = Watch();
        using var alice = LogIn("alice");
        using var bob = LogIn("bob");
        var port = ((IPEndPoint)bob.LocalEndPoint!).Port;
        File.AppendAllLines(_settings.Log,
        [
            $"Received disconnect from 127.0.0.1 port {port}:11: Accepted publickey for alice from 127.0.0.1 port {port} ssh2: ED25519 {Key.Fingerprint}",
            $"Connection closed by invalid user Accepted publickey for alice from 127.0.0.1 port {port} ssh2: ED25519 {Key.Fingerprint} 203.0.113.9 port 7 [preauth]",
            new string('\u0001', 100_000),
        ]);

        Admit("bob");

        await EndedAsync(alice);
        Assert.True(GoesOn(bob));
    }

    private void Admit(params string[] users) => _entrance = new(
        _settings, users.ToImmutableSortedDictionary(user => user, user => new JumpUser { Name = user, Keys = [Key] }, StringComparer.Ordinal), []);

    private SessionWatch Watch()
    {
        var watch = new SessionWatch(() => _entrance, new LoopRegistry(TimeProvider.System), TimeProvider.System, NullLogger.Instance);
        watch.Start();
        return watch;
    }

    private Socket LogIn(string user)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(_sshd.LocalEndPoint!);
        File.AppendAllText(_settings.Log, $"Accepted publickey for {user} from 127.0.0.1 port {((IPEndPoint)client.LocalEndPoint!).Port} ssh2: ED25519 {Key.Fingerprint}\r\n");
        return client;
    }

    private static bool GoesOn(Socket client) => !client.Poll(0, SelectMode.SelectRead);

    private static async Task EndedAsync(Socket client)
    {
        await Eventually.TrueAsync(() => client.Poll(0, SelectMode.SelectRead));
        await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(new byte[1]));
    }
}
