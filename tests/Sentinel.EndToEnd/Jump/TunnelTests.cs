using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>A VM that nobody can reach: its plain ssh connects out, and the sentinel treats it as any other.</summary>
[Collection(JumpCollection.Name)]
public sealed class TunnelTests(JumpStage stage)
{
    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task A_tunnel_that_is_cut_without_a_word_is_noticed_and_the_VM_returns_by_itself()
    {
        Assert.Empty((await stage.Region.Front.DoAsync("ssh-keyscan", "-T", "1", Region.VmAddress(2))).Output);
        using var session = await stage.OpenAsync("carol", "vm-3");

        stage.Region.Vms[2].Vanish();
        await stage.GoneAsync("vm-3");
        await JumpStage.EndedAsync(session);
        var waiting = stage.SshAsync("carol", "vm-3", "echo $MACHINE");
        stage.Region.Vms[2].Return();

        Assert.Equal("vm-3\n", (await waiting).Ok());
        await stage.ServingAsync("vm-3");
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task A_VM_that_comes_anew_takes_the_place_of_its_own_stale_connection()
    {
        var superseded = stage.Sentinel.Events("ssh.tunnel_superseded").Count();
        var vm = stage.Region.Vms[2];
        vm.Vanish();
        vm.Stop();

        // Nobody tells the sentinel's sshd, and nobody answers it: the VM is elsewhere.
        vm.Move(Region.VmAddress(2), "10.72.3.7", "10.72.3.1");
        vm.Return();
        await vm.StartSshAsync(stage.Region.HostKey);
        stage.Tunnel.Start();

        await Eventually.TrueAsync(() => stage.Sentinel.Events("ssh.tunnel_superseded").Count() > superseded);
        Assert.Equal("vm-3\n", (await stage.SshAsync("carol", "vm-3", "echo $MACHINE")).Ok());
        await stage.ServingAsync("vm-3");
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "unshare")]
    [InlineData("127.77.128.3")] // another VM's place
    [InlineData("127.77.0.1")] // the address by which users reach another
    [InlineData("0.0.0.0")]
    [InlineData("127.0.0.1")]
    public async Task No_VM_can_listen_anywhere_but_in_its_own_place(string address)
    {
        var other = new Tunnel(stage, stage.Region.Vms[1], stage.KeyOf("tunnel-4"), "127.77.128.4");

        var result = await other.TryAsync(address);

        Assert.NotEqual(124, result.Status);
        Assert.NotEqual(0, result.Status);
        Assert.Equal("vm-3\n", (await stage.SshAsync("carol", "vm-3", "echo $MACHINE")).Ok());
    }

    [NeedsTheory("root", "ip", "nft", "sshd", "ssh", "unshare")]
    [InlineData("-W 127.77.0.1:22")]
    [InlineData("-tt")]
    [InlineData("-s sftp")]
    public async Task The_key_of_a_tunnel_is_good_for_nothing_else(string what)
    {
        var words = what.Split(' ');
        var result = await stage.SshAsync("tunnel-3", [words[0], .. words[0] == "-W" ? words[1..] : [], "-o", "User=tunnel", "sentinel", .. words[0] == "-s" ? words[1..] : []]);

        Assert.NotEqual(0, result.Status);
    }
}
