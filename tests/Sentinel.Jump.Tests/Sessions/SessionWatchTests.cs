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

/// <summary>Real connections of this machine, of every family, and a log as sshd writes it.</summary>
public sealed class SessionWatchTests : IAsyncDisposable
{
    private static readonly AuthorizedKey Key =
        AuthorizedKey.TryParse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGDSHY8Yy2VFZ6mTMrnRSCNqLXVgH4pMCLYqzQDWG8Rt")!;

    private static readonly AuthorizedKey Authority =
        AuthorizedKey.TryParse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID0fR3lvuVZWMSyGF8+ZQlQQTS/k53wZeayOylfzB7W1")!;

    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-watch-").FullName;
    private readonly Socket _sshd = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
    private readonly JumpSettings _settings;
    private AuthorizedKey[] _authorities = [Authority];
    private HashSet<string> _admitted = [];
    private int _departures;
    private Entrance? _entrance;

    public SessionWatchTests()
    {
        // One socket for all: clients over IPv4 are to it IPv4-mapped.
        _sshd.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
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

    [NeedsTheory("root")]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task The_sessions_of_a_removed_user_end_and_no_others(string address)
    {
        await using var watch = Watch();
        using var alice = LogIn("alice", address);
        using var bob = LogIn("bob", address);

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
    public async Task A_certificate_in_the_shared_account_is_out_with_whom_it_names_and_one_that_may_be_anybodys_with_the_first_who_leaves()
    {
        await using var watch = Watch();
        using var alice = LogIn("jump", id: "alice");
        using var bob = LogIn("jump", id: "bob");
        using var laptop = LogIn("jump", id: "a laptop");
        using var routed = LogIn("bob", id: "a laptop");

        Admit("bob");

        await EndedAsync(alice);
        await EndedAsync(laptop);
        using var later = LogIn("jump", id: "a laptop");
        Admit("bob", "carol");
        Admit("bob", "carol", "dora");
        using var nobody = LogIn("alice"); // that she is out shows that the others were looked at
        await EndedAsync(nobody);
        Assert.True(GoesOn(bob) && GoesOn(routed) && GoesOn(later));
    }

    [NeedsFact("root")]
    public async Task Who_came_just_before_somebody_left_is_not_taken_for_one_who_came_after()
    {
        await using var watch = Watch();
        using var nobody = LogIn("nobody");
        await EndedAsync(nobody); // the log is being followed

        using var laptop = LogIn("jump", id: "a laptop");
        Admit("bob");

        await EndedAsync(laptop);
    }

    [NeedsFact("root")]
    public async Task Certificates_of_an_authority_that_is_no_longer_trusted_are_out_everywhere()
    {
        await using var watch = Watch();
        using var routed = LogIn("alice", id: "alice");
        using var jumping = LogIn("jump", id: "alice");
        using var plain = LogIn("alice");
        _authorities = [Key];

        Admit("alice", "bob");

        await EndedAsync(routed);
        await EndedAsync(jumping);
        Assert.True(GoesOn(plain));
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

    private void Admit(params string[] users)
    {
        _departures += _admitted.All(users.Contains) ? 0 : 1;
        _admitted = [.. users];
        _entrance = new(_settings, users.ToImmutableSortedDictionary(user => user, user => new JumpUser { Name = user, Keys = [Key] }, StringComparer.Ordinal), [], _authorities, _departures);
    }

    private SessionWatch Watch()
    {
        var watch = new SessionWatch(() => _entrance, new(new(_folder)), new LoopRegistry(TimeProvider.System), TimeProvider.System, NullLogger.Instance);
        watch.Start();
        return watch;
    }

    /// <param name="id">Of a certificate; null: by a plain key.</param>
    private Socket LogIn(string user, string address = "127.0.0.1", string? id = null)
    {
        var client = new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(IPAddress.Parse(address), ((IPEndPoint)_sshd.LocalEndPoint!).Port);
        var certificate = id is null ? "" : $" ID {id} (serial 0) CA ED25519 {Authority.Fingerprint}";
        File.AppendAllText(_settings.Log, $"Accepted publickey for {user} from {address} port {((IPEndPoint)client.LocalEndPoint!).Port} ssh2: ED25519{(id is null ? "" : "-CERT")} {Key.Fingerprint}{certificate}\r\n");
        return client;
    }

    private static bool GoesOn(Socket client) => !client.Poll(0, SelectMode.SelectRead);

    private static async Task EndedAsync(Socket client)
    {
        await Eventually.TrueAsync(() => client.Poll(0, SelectMode.SelectRead));
        await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(new byte[1]));
    }
}
