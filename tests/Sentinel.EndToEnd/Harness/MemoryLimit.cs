using Sentinel.Testing;

namespace Sentinel.EndToEnd.Harness;

/// <summary>A control group with little memory and no swap, of whichever version the machine has. Needs root.</summary>
internal sealed class MemoryLimit : IAsyncDisposable
{
    private readonly string _folder;

    /// <param name="bytes">For processes and for what the kernel keeps for them, such as socket buffers.</param>
    public MemoryLimit(long bytes)
    {
        var old = "/sys/fs/cgroup/memory";
        var isOld = Directory.Exists(old);
        if (!isOld)
        {
            File.WriteAllText("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
        }

        _folder = Path.Combine(isOld ? old : "/sys/fs/cgroup", $"sentinel-test-{Environment.ProcessId}-{bytes}");
        Directory.CreateDirectory(_folder);
        File.WriteAllText(Path.Combine(_folder, isOld ? "memory.limit_in_bytes" : "memory.max"), $"{bytes}");
    }

    /// <summary>Begins a command that lives in here.</summary>
    public string[] Wrapper => ["sh", "-c", $"echo $$ > {_folder}/cgroup.procs && exec \"$@\"", "sh"];

    public async ValueTask DisposeAsync() => await Eventually.TrueAsync(() =>
    {
        try
        {
            Directory.Delete(_folder);
            return true;
        }
        catch (IOException)
        {
            return false; // its last process is still on its way out
        }
    });
}
