using System.Net;
using Sentinel.Backends;
using Sentinel.Jump.Addresses;
using Sentinel.Jump.Files;
using Sentinel.Jump.Keys;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Tests;

/// <summary>What the files say that sshd decides by.</summary>
public sealed class KeyFileTests
{
    private const string One = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID0fR3lvuVZWMSyGF8+ZQlQQTS/k53wZeayOylfzB7W1";
    private const string Other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF0LZT1YHLd9u+il8S5dVMEScD50uHTa56VJf54TvG1b";

    private static readonly BackendDefinition[] Backends =
    [
        new() { Id = new("spot-1"), Networks = ["10.0.3.0/24", "10.0.5.0/24"] },
        new() { Id = new("spot-2"), Networks = ["10.0.3.0/24"] },
    ];

    private static readonly JumpPlaces Places = new("/state/ssh");

    [Fact]
    public void A_key_opens_its_users_backend_and_what_is_allowed_where_that_means_one_machine()
    {
        var files = Plan(new(), User("alice", "spot-1", [One], "10.0.3.100:22", "10.0.5.7:80", "db.internal:5432"));

        Assert.Equal($"restrict,port-forwarding,permitopen=\"127.77.0.1:22\",permitopen=\"10.0.5.7:80\",permitopen=\"db.internal:5432\" {One} alice\n", files[Places.JumpKeys]);
        Assert.Equal("restrict,port-forwarding,permitopen=\"127.77.0.1:22\",permitopen=\"10.0.5.7:80\",permitopen=\"db.internal:5432\" alice\n", files[Places.JumpKeys + ".principals"]);
    }

    [Fact]
    public void Who_is_nowhere_and_may_go_nowhere_has_no_line() =>
        Assert.Equal("", Plan(new(), User("alice", null, [One]))[Places.JumpKeys]);

    [Fact]
    public void A_key_that_two_users_have_has_one_line_because_sshd_reads_no_second() =>
        Assert.Equal(
            $"restrict,port-forwarding,permitopen=\"127.77.0.1:22\",permitopen=\"127.77.0.2:22\" {One} alice,bob\n",
            Plan(new(), User("alice", "spot-1", [One]), User("bob", "spot-2", [One]))[Places.JumpKeys]);

    [Fact]
    public void Who_logs_in_has_keys_and_a_route_of_his_own()
    {
        var files = Plan(new() { Login = new(), ListenPort = 2022 }, User("alice", "spot-2", [One, Other]), User("bob", null, [Other]));

        Assert.Equal($"restrict,port-forwarding,pty,agent-forwarding {One} alice\nrestrict,port-forwarding,pty,agent-forwarding {Other} alice\n", files["/state/ssh/keys/users/alice"]);
        Assert.Equal("127.77.0.2 2022 alice spot-2\njump - 2222\n", files["/state/ssh/routes/alice"]);
        Assert.False(files.ContainsKey("/state/ssh/routes/bob"));
    }

    [Fact]
    public void Without_a_jump_host_nobody_gets_in() =>
        Assert.All(FilePlan.Of(Places, null, [User("alice", "spot-1", [One])], [], Backends, AddressOf).Values, text => Assert.Equal("", text));

    private static Dictionary<string, string> Plan(JumpSettings settings, params JumpUser[] users) =>
        FilePlan.Of(Places, settings, users, settings.Login is null ? [] : users, Backends, AddressOf);

    private static JumpUser User(string name, string? backend, string[] keys, params string[] allow) => new()
    {
        Name = name,
        Keys = [.. keys.Select(key => AuthorizedKey.TryParse(key)!)],
        Backend = backend is null ? null : new BackendId(backend),
        Allow = [.. allow],
    };

    private static StableAddress? AddressOf(BackendId backend) => StableAddress.Of(backend, backend.Name == "spot-1" ? 1 : 2, IPNetwork.Parse("127.77.0.0/16"));
}
