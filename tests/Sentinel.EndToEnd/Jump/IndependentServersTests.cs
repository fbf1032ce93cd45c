using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>Three jump servers with users and containers of their own behind one address: each client address stays on its server.</summary>
public sealed class IndependentServersTests : IAsyncLifetime
{
    private const int Addresses = 12;

    private Region _region = null!;
    private SentinelProcess _sentinel = null!;
    private string _config = "";

    public async Task InitializeAsync()
    {
        var sandbox = new Sandbox();
        _region = await Region.CreateAsync(sandbox);
        var alice = SshKey.Create(sandbox.PathOf("alice"));
        foreach (var host in _region.Vms.Concat(_region.Containers))
        {
            host.AddUsers(new() { ["alice"] = alice.Public });
        }

        _config = sandbox.Write("ssh_config", $"""
            Host jump team-2
              HostName {Region.Sentinel4}
            Host team-2
              Port 2202
            Host team-3.example.com
              HostName {Region.Team4}
            Host container
              HostName {Region.Container}
              ProxyJump jump
            Host *
              User alice
              IdentityFile {alice.File}
              IdentitiesOnly yes
              BatchMode yes
              HostKeyAlias vm
              UserKnownHostsFile {sandbox.Write("known_hosts", $"vm {await File.ReadAllTextAsync($"{_region.HostKey}.pub")}")}
              ConnectTimeout 30
              LogLevel ERROR

            """);
        await _region.BootAsync();
        _sentinel = await sandbox.StartAsync(Configuration(), new() { Network = _region.Front.Network });
        await AllServingAsync();
    }

    public async Task DisposeAsync() => await _region.DisposeAsync();

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task Each_address_keeps_its_server_a_lost_server_moves_only_its_own_and_they_return()
    {
        var before = await WhereAsync();
        Assert.Equal(before, await WhereAsync());
        Assert.True(before.Values.Distinct().Count() > 1, "all of them on one server");

        // The container that a user reaches is the one behind that user's server, though both have one address.
        foreach (var address in before.Where(pair => pair.Value != "vm-3").Select(pair => pair.Key).Take(4))
        {
            Assert.Equal(before[address].Replace("vm", "container", StringComparison.Ordinal), (await SshAsync(address, "container")).Trim());
        }

        // A team has a server of its own by its own port, or by a name that leads to an address of its own, from wherever its people come.
        Assert.Equal(["vm-2"], (await Task.WhenAll(before.Keys.Take(3).Select(address => SshAsync(address, "team-2")))).Distinct());

        Assert.Equal(["vm-3"], (await Task.WhenAll(before.Keys.Take(3).Select(address => SshAsync(address, "team-3.example.com")))).Distinct());

        var lost = _region.Vms.First(vm => before.ContainsValue(vm.Name));
        lost.Stop();
        await Eventually.TrueAsync(async () => !(bool)(await _sentinel.BackendAsync(lost.Name))["healthy"]!);
        var during = await WhereAsync();
        Assert.All(before, pair => Assert.True(pair.Value == lost.Name ? during[pair.Key] != lost.Name : during[pair.Key] == pair.Value, $"{pair.Key} went from {pair.Value} to {during[pair.Key]}"));

        await lost.StartSshAsync(_region.HostKey);
        await AllServingAsync();
        Assert.Equal(before, await WhereAsync());
    }

    /// <summary>The server on which each address ends up.</summary>
    private async Task<SortedDictionary<string, string>> WhereAsync()
    {
        var addresses = Enumerable.Range(2, Addresses).Select(Region.HomeAddress).ToArray();
        var answers = await Task.WhenAll(addresses.Select(address => SshAsync(address, "jump")));
        return new(addresses.Zip(answers).ToDictionary(pair => pair.First, pair => pair.Second), StringComparer.Ordinal);
    }

    /// <summary>The address is bound by the jump's connection: it is the one that the sentinel sees.</summary>
    private async Task<string> SshAsync(string from, string to)
    {
        var jump = to == "container" ? new[] { "-o", $"ProxyCommand=ssh -F {_config} -b {from} -W %h:%p jump" } : ["-b", from];
        return (await _region.Home.DoAsync(["ssh", "-F", _config, .. jump, to, "echo $MACHINE"])).Ok().Trim();
    }

    private async Task AllServingAsync()
    {
        foreach (var vm in _region.Vms)
        {
            await Eventually.TrueAsync(async () => (bool)(await _sentinel.BackendAsync(vm.Name))["healthy"]!);
        }
    }

    private object Configuration() => new
    {
        backends = _region.Vms.Select((vm, i) => (vm.Name, Value: (object)new
        {
            address = Region.VmAddress(i),
            health = new { kind = "ssh", port = 22, interval = "200ms", timeout = "2s", healthyAfter = 1, unhealthyAfter = 1 },
        })).ToDictionary(pair => pair.Name, pair => pair.Value),
        pools = new Dictionary<string, object>
        {
            ["jump"] = new { backends = _region.Vms.Select(vm => vm.Name), policy = "clientAffinity" },
            ["team-2"] = new { backends = new[] { "vm-2" } },
            ["team-3"] = new { backends = new[] { "vm-3" } },
        },
        listeners = new Dictionary<string, object>
        {
            ["jump"] = new { bind = new[] { $"{Region.Sentinel4}:22" }, protocol = "tcp", pool = "jump", port = 22, hold = "60s" },
            ["team-2"] = new { bind = new[] { $"{Region.Sentinel4}:2202" }, protocol = "tcp", pool = "team-2", port = 22, hold = "60s" },
            ["team-3"] = new { bind = new[] { $"{Region.Team4}:22" }, protocol = "tcp", pool = "team-3", port = 22, hold = "60s" },
        },
    };
}
