using System.Diagnostics;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>Runs <c>nft</c>: arguments as a list, the script on its standard input, no shell between.</summary>
/// <param name="path">Where the program is.</param>
/// <param name="time">Measures the timeout.</param>
internal sealed class NftProgram(string path, TimeProvider time)
{
    // Services are often started with a PATH that lacks the system administrator's folders.
    private static readonly string[] Folders = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin"];

    /// <summary>A transaction takes milliseconds, on a machine that swaps perhaps a second.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <returns>Null if it is not installed.</returns>
    public static NftProgram? Find(TimeProvider time)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(Folders)
            .Select(folder => Path.Combine(folder, "nft"))
            .FirstOrDefault(File.Exists);
        return path is null ? null : new(path, time);
    }

    /// <summary>Puts a script in force, as one transaction.</summary>
    /// <returns>What went wrong; null if nothing.</returns>
    public async Task<string?> ApplyAsync(string script, CancellationToken cancellationToken) =>
        (await RunAsync(["-f", "-"], script, cancellationToken).ConfigureAwait(false)).Error;

    /// <summary>Asks nft and the kernel whether they would take a script, and changes nothing.</summary>
    /// <returns>What went wrong; null if nothing.</returns>
    public async Task<string?> CheckAsync(string script, CancellationToken cancellationToken) =>
        (await RunAsync(["-c", "-f", "-"], script, cancellationToken).ConfigureAwait(false)).Error;

    /// <summary>Lists the counters of a table as JSON.</summary>
    public Task<(string Output, string? Error)> ListCountersAsync(string table, CancellationToken cancellationToken) =>
        RunAsync(["-j", "list", "counters", "table", "inet", table], "", cancellationToken);

    /// <returns>What it wrote; and if its exit status was not 0, what it said.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled; the program may or may not have done its work.</exception>
    private async Task<(string Output, string? Error)> RunAsync(string[] arguments, string input, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C";
        using var deadline = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        Process? process = null;
        try
        {
            process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync(either.Token);
            var error = process.StandardError.ReadToEndAsync(either.Token);
            await WriteAsync(process, input, either.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
            var (said, complained) = (await output.ConfigureAwait(false), await error.ConfigureAwait(false));
            return (said, process.ExitCode == 0 ? null : complained.Length > 0 ? complained.Trim() : $"{path} ended with status {process.ExitCode}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ("", $"{path} did not end within {Timeout.TotalSeconds:0} s");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return ("", $"{path} cannot be run: {e.Message}");
        }
        finally
        {
            Kill(process);
            process?.Dispose();
        }
    }

    private static async Task WriteAsync(Process process, string input, CancellationToken cancellationToken)
    {
        try
        {
            await process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it had read everything; its exit status and standard error say why.
        }
    }

    private static void Kill(Process? process)
    {
        try
        {
            if (process is { HasExited: false })
            {
                process.Kill();
            }
        }
        catch (InvalidOperationException)
        {
            // ended meanwhile
        }
    }
}
