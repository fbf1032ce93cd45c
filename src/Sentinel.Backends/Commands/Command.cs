using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Sentinel.Backends.Commands;

/// <summary>Runs programs of the operator's.</summary>
public static class Command
{
    private const int MostOutput = 500;

    /// <summary>Runs one to its end; it is killed when that takes too long.</summary>
    /// <param name="words">The program and its arguments, no shell.</param>
    /// <returns>Null if it ended with status 0; else what went wrong, with the last that it said, as the end of a sentence.</returns>
    public static async Task<string?> RunAsync(IReadOnlyList<string> words, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        using var process = new Process { StartInfo = new(words[0], words.Skip(1)) { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true, UseShellExecute = false } };
        var said = new StringBuilder();
        void Hear(object sender, DataReceivedEventArgs line)
        {
            lock (said)
            {
                said.Append(said.Length > 0 ? " " : "").Append(line.Data);
                if (said.Length > MostOutput)
                {
                    said.Remove(0, said.Length - MostOutput);
                }
            }
        }

        process.OutputDataReceived += Hear;
        process.ErrorDataReceived += Hear;
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            return $"cannot be started: {e.Message}";
        }

        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var late = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            try
            {
                process.Kill(entireProcessTree: true);
            }
            catch (Exception e) when (e is Win32Exception or AggregateException or InvalidOperationException)
            {
                // Another user's, or over already.
            }

            cancellationToken.ThrowIfCancellationRequested();
            return $"took longer than {patience.TotalSeconds:0} s";
        }

        lock (said)
        {
            var end = string.Concat(said.ToString().Trim().Select(c => char.IsControl(c) ? ' ' : c));
            return process.ExitCode == 0 ? null : $"ended with status {process.ExitCode}{(end.Length == 0 ? "" : $": {end}")}";
        }
    }
}
