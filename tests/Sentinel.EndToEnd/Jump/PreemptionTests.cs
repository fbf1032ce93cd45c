using System.Diagnostics;
using System.Text.Json.Nodes;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>Many users on three VMs, and a VM that goes under them.</summary>
[Collection(JumpCollection.Name)]
public sealed class PreemptionTests(JumpStage stage)
{
    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task Three_hundred_users_are_spread_over_three_VMs_and_each_gets_to_that_users_own()
    {
        var users = Enumerable.Range(0, JumpStage.Crowd).Select(i => $"user-{i:000}").ToArray();
        foreach (var some in users.Chunk(20))
        {
            await Task.WhenAll(some.Select(user => stage.Sentinel.PostAsync($"/v1/placements/{user}/auto")));
        }

        var document = JsonNode.Parse(await stage.Sentinel.GetAsOperatorAsync("/v1/placements"))!;
        var homes = document["placements"]!.AsArray().ToDictionary(user => (string)user!["user"]!, user => (string?)user!["backend"]);
        var counts = homes.Values.GroupBy(home => home).ToDictionary(group => group.Key!, group => group.Count());
        Assert.Equal(stage.Users.Count, counts.Values.Sum());
        Assert.True(counts.Values.Max() - counts.Values.Min() <= 1, string.Join(", ", counts));

        // One of each hundred or so logs in for real, and finds the others' VMs closed.
        await Eventually.TrueAsync(() => File.ReadAllLines(Path.Combine(stage.Sandbox.State, "ssh", "keys", "jump")).Length == stage.Users.Count);
        foreach (var user in users.Where((_, i) => i % 47 == 0))
        {
            Assert.Equal($"{homes[user]} {user}\n", (await stage.SshAsync(user, homes[user]!, "echo $MACHINE $(id -un)")).Ok());
            Assert.NotEqual(0, (await stage.SshAsync(user, homes[user] == "vm-1" ? "vm-2" : "vm-1", "true")).Status);
        }
    }

    [NeedsFact("root", "ip", "nft", "sshd", "ssh", "unshare")]
    public async Task Only_the_sessions_of_a_preempted_VM_end_and_new_ones_wait_for_it()
    {
        List<Process> hit = [], spared = [];
        for (var i = 0; i < 6; i++)
        {
            // As people come, not all in one second.
            hit.AddRange(await Task.WhenAll(Enumerable.Range(0, 7).Select(_ => stage.OpenAsync("alice", "vm-1"))));
            spared.AddRange(await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => stage.OpenAsync("bob", "vm-2"))));
        }

        var vm = stage.Region.Vms[0];
        vm.Vanish();
        vm.Stop();
        await stage.GoneAsync("vm-1");
        await Task.WhenAll(hit.Select(JumpStage.EndedAsync));

        var waiting = Enumerable.Range(0, 3).Select(_ => stage.SshAsync("alice", "vm-1", "echo $MACHINE")).ToArray();
        await Eventually.TrueAsync(async () =>
            (await stage.Sentinel.StatusAsync())["listeners"]!.AsArray().Sum(listener => (int)listener!["held"]!) >= waiting.Length);
        vm.Return();
        await vm.StartSshAsync(stage.Region.HostKey);

        Assert.All(await Task.WhenAll(waiting), answer => Assert.Equal("vm-1\n", answer.Ok()));
        Assert.All(await Task.WhenAll(spared.Select(JumpStage.AnswersAsync)), Assert.True);
        foreach (var session in spared)
        {
            session.Kill();
        }
    }
}
