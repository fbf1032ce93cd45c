using System.Security.Cryptography;
using System.Text;
using Sentinel.EndToEnd.Harness;
using Sentinel.Testing;

namespace Sentinel.EndToEnd;

/// <summary>The OpenSSH client through a <c>tcp</c> listener to real sshd processes.</summary>
public sealed class SshTests : IAsyncLifetime
{
    private readonly Sandbox _sandbox = new();
    private SshServer _ssh = null!;
    private SentinelProcess _sentinel = null!;

    public async Task InitializeAsync()
    {
        _ssh = await SshServer.CreateAsync(_sandbox);
        _sentinel = await _sandbox.StartAsync(new
        {
            backends = new Dictionary<string, object>
            {
                ["one"] = Vm("one", _sandbox.Address(10), 0),
                ["two"] = Vm("two", _sandbox.Address(11), 1),
            },
            pools = new { jump = new { backends = new[] { "one", "two" }, failbackAfter = "1s" } },
            listeners = new { ssh = new { bind = new[] { $"{_sandbox.Front}:2222" }, protocol = "tcp", pool = "jump", port = 2222, hold = "60s" } },
        });
    }

    public async Task DisposeAsync() => await _sandbox.DisposeAsync();

    [NeedsFact("sshd", "ssh")]
    public async Task A_command_runs_with_its_exit_status_and_both_outputs()
    {
        var result = await _ssh.RunAsync("echo out; echo err >&2; exit 7");

        Assert.Equal((7, "out\n", "err\n"), (result.Status, result.Output, result.Error));
    }

    [NeedsFact("sshd", "ssh")]
    public async Task A_terminal_session_works()
    {
        using var input = new MemoryStream("test -t 0 && echo 'it is a '\"terminal\"\nexit 3\n"u8.ToArray());
        var result = await Shell.RunAsync("ssh", input, _ssh.Client("-tt", "vm"));

        Assert.Equal(3, result.Status);
        Assert.Contains("it is a terminal", result.Output, StringComparison.Ordinal);
    }

    [NeedsFact("sshd", "scp")]
    public async Task Files_of_200_MB_arrive_unchanged_in_both_directions()
    {
        var there = _sandbox.PathOf("there");
        var back = _sandbox.PathOf("back");
        var original = _sandbox.PathOf("original");
        await using (var file = File.Create(original))
        {
            var random = new Random(7);
            var chunk = new byte[1 << 20];
            for (var i = 0; i < 200; i++)
            {
                random.NextBytes(chunk);
                await file.WriteAsync(chunk);
            }
        }

        (await Shell.RunAsync("scp", _ssh.Client("-q", original, $"vm:{there}"))).Ok();
        (await Shell.RunAsync("scp", _ssh.Client("-q", $"vm:{there}", back))).Ok();

        Assert.Equal(await HashAsync(original), await HashAsync(back));
    }

    [NeedsFact("sshd", "ssh")]
    public async Task The_end_of_input_is_carried_over_while_output_still_flows()
    {
        var text = string.Concat(Enumerable.Range(0, 100_000).Select(i => $"line {i}\n"));
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(text));

        var result = await _ssh.RunAsync(input, "cat; echo done");

        Assert.Equal(text + "done\n", result.Ok());
    }

    [NeedsFact("sshd", "ssh")]
    public async Task A_connection_opened_while_every_VM_is_down_completes_when_one_is_back()
    {
        await _sentinel.UntilAsync("one", "serving");
        await _sentinel.UntilAsync("two", "serving");
        await KillAsync(_sandbox.PathOf("sshd-"));

        var result = await _ssh.RunAsync("echo", "back");

        Assert.Equal("back\n", result.Ok());
        await _sentinel.UntilAsync("one", "serving");
        await _sentinel.UntilAsync("two", "serving");
    }

    [NeedsFact("sshd", "ssh")]
    public async Task The_standby_takes_over_at_once_and_the_first_returns()
    {
        await _sentinel.UntilAsync("one", "serving");
        await _sentinel.UntilAsync("two", "serving");
        await KillAsync(_sandbox.PathOf($"sshd-{_sandbox.Address(10)}"));

        Assert.Equal("ok\n", (await _ssh.RunAsync("echo", "ok")).Ok());
        await _sentinel.UntilAsync("one", "serving");
        await Eventually.TrueAsync(async () =>
            (string?)(await _sentinel.StatusAsync())["pools"]![0]!["active"]![0] == "one");
        Assert.Equal(1, (int)(await _sentinel.BackendAsync("one"))["preemptions"]!);
        Assert.Equal(0, (int)(await _sentinel.BackendAsync("two"))["preemptions"]!);
    }

    private object Vm(string name, string address, int priority) => new
    {
        instance = $"process/{name}",
        address,
        priority,
        command = _ssh.Vm(address),
        health = new { kind = "ssh", port = 2222, interval = "1s" },
        recovery = new { backoff = new { initial = "500ms", max = "2s" } },
    };

    /// <summary>Until they are gone: whoever dies still has a port that accepts, for a moment.</summary>
    private static async Task KillAsync(string text)
    {
        var processes = Sandbox.ProcessesWith(text);
        await Shell.RunAsync("kill", ["-9", .. processes.Select(id => $"{id}")]);
        await Eventually.TrueAsync(() => !Sandbox.ProcessesWith(text).Intersect(processes).Any());
    }

    private static async Task<string> HashAsync(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file));
    }
}
