using Sentinel.Testing;

namespace Sentinel.EndToEnd.Jump;

/// <summary>The guest's program on a VM, started anew a second after it ends, as its unit does.</summary>
internal sealed class Tunnel(JumpStage stage, Host vm, SshKey key, string address)
{
    private static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "sentinel-tunnel");

    public void Start() => vm.Run(["env", .. Variables(address), "sh", "-c", $"while :; do sh {Program}; sleep 1; done"]);

    /// <summary>One try, with this VM's key, for an address that may be another's.</summary>
    public async Task<Harness.Shell.Result> TryAsync(string wanted)
    {
        using var deadline = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        return await vm.DoAsync(["env", .. Variables(wanted), "timeout", "20", "sh", Program]).WaitAsync(deadline.Token);
    }

    private string[] Variables(string at) =>
    [
        $"SENTINEL_HOST={Gateway()}", $"SENTINEL_PORT={JumpStage.Port}", $"TUNNEL_ADDRESS={at}", $"TUNNEL_KEY={key.File}",
        $"TUNNEL_KNOWN_HOSTS={stage.Sandbox.PathOf("known_hosts")}",
    ];

    private string Gateway() => $"10.72.{vm.Name[^1]}.1";
}
