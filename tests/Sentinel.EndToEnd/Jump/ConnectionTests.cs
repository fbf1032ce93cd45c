using System.Security.Cryptography;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>Every way to a VM, and to a container behind it, through the jump host; and every way that must be closed.</summary>
[Collection(JumpCollection.Name)]
public sealed class ConnectionTests(JumpStage stage)
{
    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "unshare")]
    [InlineData("alice", "vm-1", "vm-1")] // ProxyJump
    [InlineData("alice", "container-1", "container-1")] // nested ProxyJump
    [InlineData("bob", "container-2", "container-2")] // the same address behind another VM
    [InlineData("carol", "vm-3", "vm-3")] // through the tunnel
    [InlineData("bob", "container-3", "-J sentinel 10.0.4.100")] // one hop, by the route that the daemon set
    [InlineData("bob", "container-3", "-J sentinel,bob@127.77.0.2 10.0.4.100")]
    [InlineData("alice", "vm-1", "-J sentinel-6 127.77.0.1")] // over IPv6
    [InlineData("alice", "vm-1", "-J sentinel 127.77.0.1")]
    [InlineData("bob", "container-2", "-J sentinel,bob@127.77.0.2 10.0.3.100")] // chained
    [InlineData("alice", "vm-1", "-J jump@10.71.1.1:2222 alice@127.77.0.1")] // one command
    public async Task A_user_gets_to_where_the_way_leads(string user, string machine, string way) =>
        Assert.Equal($"{machine} {user}\n", (await stage.SshAsync(user, [.. way.Split(' '), "echo $MACHINE $(id -un)"])).Ok());

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task People_in_an_office_behind_one_address_get_in_like_any_other()
    {
        var answers = await Task.WhenAll(
            stage.SshAsync(stage.Region.LaptopA, "alice", "vm-1", "echo $MACHINE"), stage.SshAsync(stage.Region.LaptopB, "bob", "vm-2", "echo $MACHINE"));

        Assert.Equal(["vm-1\n", "vm-2\n"], answers.Select(answer => answer.Ok()));
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "unshare")]
    [InlineData("alice", "-J sentinel 127.77.0.2")] // another user's VM
    [InlineData("alice", "-J sentinel 10.72.1.2")] // her own VM, past the relay
    [InlineData("bob", "-J sentinel 10.0.3.100")] // one hop to an address that two VMs have, though he is allowed it
    [InlineData("alice", "-J sentinel 10.0.4.100")] // another user's container
    [InlineData("alice", "-W 127.0.0.1:8888 sentinel")] // the sentinel itself
    [InlineData("alice", "sentinel id")] // a shell
    [InlineData("alice", "-tt sentinel")]
    [InlineData("alice", "-s sentinel sftp")]
    [InlineData("alice", "-N -o ExitOnForwardFailure=yes -R 127.0.0.1:9999:127.0.0.1:22 sentinel")]
    [InlineData("alice", "-N -o ExitOnForwardFailure=yes -R 127.77.128.4:22:127.0.0.1:22 sentinel")]
    [InlineData("mallory", "vm-1 id")] // a key that nobody has
    public async Task Nobody_gets_any_further(string user, string way)
    {
        var result = await stage.Region.Home.DoAsync(["timeout", "30", "ssh", "-F", stage.ConfigOf(user), .. way.Split(' ')]);

        Assert.NotEqual(124, result.Status);
        Assert.NotEqual(0, result.Status);
        Assert.DoesNotContain("uid=", result.Output, StringComparison.Ordinal);
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "curl", "unshare")]
    public async Task A_proxy_of_the_clients_own_leads_nowhere_and_the_log_says_who_asked()
    {
        using var proxy = Shell.Start("ip", "netns", "exec", stage.Region.Home.Network.Name, "ssh", "-F", stage.ConfigOf("alice"), "-N", "-D", "127.0.0.1:1080", "sentinel");
        try
        {
            await Eventually.TrueAsync(() => stage.Region.Home.Listens(1080));
            var result = await stage.Region.Home.DoAsync("curl", "-sS", "-m", "20", "--socks5", "127.0.0.1:1080", "http://10.72.2.2:22");

            Assert.NotEqual(0, result.Status);
            await Eventually.TrueAsync(() => stage.Sentinel.Events("ssh.destination_denied").Any(line => line.ToJsonString().Contains("10.72.2.2", StringComparison.Ordinal)));
            Assert.All(
                stage.Sentinel.Events("ssh.destination_denied").Where(line => line.ToJsonString().Contains("10.72.2.2", StringComparison.Ordinal)),
                line => Assert.StartsWith("alice ", (string?)line["msg"], StringComparison.Ordinal));
        }
        finally
        {
            proxy.Kill();
        }
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "unshare")]
    [InlineData("../../root/.ssh")]
    [InlineData("root")]
    [InlineData("alice from 203.0.113.9 port 1 ssh2: ED25519 SHA256:x")]
    [InlineData("jump 203.0.113.9 port 1 [preauth]")]
    [InlineData("%u%n%s")]
    [InlineData("jump.principals")]
    public async Task A_hostile_user_name_gets_nobody_in_and_blames_nobody_else(string name)
    {
        var from = Region.HomeAddress(25);
        var result = await stage.Region.Home.DoAsync("ssh", "-F", stage.ConfigOf("alice"), "-b", from, "-o", $"User={name}", "-p", $"{JumpStage.Port}", "-o", "HostKeyAlias=sentinel", "10.71.2.1", "id");

        Assert.NotEqual(0, result.Status);
        Assert.DoesNotContain("203.0.113.9", stage.Sentinel.Log, StringComparison.Ordinal);
        Assert.Equal("vm-1\n", (await stage.SshAsync("alice", "vm-1", "echo $MACHINE")).Ok());
    }

    [NeedsFact("root", "ip", "nft", "sshd", "sftp", "unshare")]
    public async Task Half_a_gigabyte_goes_by_sftp_through_one_hop_and_through_two_and_arrives_unchanged()
    {
        const long Length = 500_000_000;
        var original = Path.Combine(stage.Sandbox.Folder, "home", "original");
        var copy = stage.Sandbox.PathOf("copy");
        await using (var file = File.Create(original))
        {
            var chunk = new byte[1_000_000];
            new Random(7).NextBytes(chunk);
            for (var i = 0; i < Length / chunk.Length; i++)
            {
                BitConverter.TryWriteBytes(chunk, i);
                await file.WriteAsync(chunk);
            }
        }

        try
        {
            foreach (var way in new[] { "vm-1", "container-1" })
            {
                (await stage.Region.Home.DoAsync("sftp", "-q", "-F", stage.ConfigOf("alice"), "-c", "aes128-gcm@openssh.com", $"{way}:{original}", copy)).Ok();
                Assert.Equal(Length, new FileInfo(copy).Length);
                Assert.Equal(await HashAsync(original), await HashAsync(copy));
                File.Delete(copy);
            }
        }
        finally
        {
            File.Delete(original);
            File.Delete(copy);
        }
    }

    private static async Task<string> HashAsync(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file));
    }
}
