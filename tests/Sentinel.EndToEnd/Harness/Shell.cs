using System.Diagnostics;
using System.Text;
using Sentinel.Testing;

namespace Sentinel.EndToEnd.Harness;

/// <summary>Runs the system's own programs.</summary>
internal static class Shell
{
    /// <summary>What a program did.</summary>
    public sealed record Result(int Status, string Output, string Error)
    {
        /// <summary>The output of a program that must succeed.</summary>
        public string Ok() => Status == 0 ? Output : throw new InvalidOperationException($"exit status {Status}: {Error}{Output}");
    }

    public static Task<Result> RunAsync(string program, params string[] arguments) => RunAsync(program, input: null, arguments);

    /// <summary>Runs to the end, five minutes at most: some build, on a machine that does much else.</summary>
    public static async Task<Result> RunAsync(string program, Stream? input, params string[] arguments)
    {
        using var process = Start(program, arguments);
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(5), TimeProvider.System);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var error = process.StandardError.ReadToEndAsync(deadline.Token);
            if (input is not null)
            {
                await input.CopyToAsync(process.StandardInput.BaseStream, deadline.Token);
            }

            process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
            return new(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end within five minutes");
        }
    }

    public static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(Needs.Find(program) ?? program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }
}
