using System.Diagnostics;
using Sentinel.Testing;

namespace Sentinel.Service.Tests;

/// <summary>Runs a program to its end.</summary>
internal static class RunningProgram
{
    /// <summary>What it said, and its exit status.</summary>
    public sealed record Outcome(int Status, string Output, string Errors);

    public static async Task<Outcome> RunAsync(
        string program, IEnumerable<string> arguments, string input = "", IReadOnlyDictionary<string, string?>? environment = null)
    {
        var start = new ProcessStartInfo(Needs.Find(program) ?? program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
            return new Outcome(process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
