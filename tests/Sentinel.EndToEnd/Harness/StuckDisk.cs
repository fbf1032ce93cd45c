namespace Sentinel.EndToEnd.Harness;

/// <summary>A disk that takes one file and does not say so: strace(1) holds the call back, and nothing else of the daemon.</summary>
internal static class StuckDisk
{
    private const string Hour = "3600000000";

    /// <summary>What a command begins with. The daemon keeps its process id, and strace heeds signals.</summary>
    public static string[] Wrapper(string file) =>
        ["strace", "-D", "-f", "-I1", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-P", file, "-e", $"inject=fsync:delay_enter={Hour}"];

    /// <summary>Lets go.</summary>
    public static async Task ReleaseAsync(string file)
    {
        foreach (var id in Sandbox.ProcessesWith($"strace -D -f -I1 --seccomp-bpf -qq -o /dev/null -e trace=fsync -P {file}"))
        {
            (await Shell.RunAsync("kill", $"{id}")).Ok();
        }
    }
}
