using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Sentinel.Backends.Commands;

/// <summary>Runs programs of the operator's.</summary>
public static class Command
{
    private const int MostOutput = 500;

    /// <summary>For what is still in the pipes of a program that has ended; whoever it left behind may hold them open for ever.</summary>
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);

    /// <summary>Runs one to its end; it is killed when that takes too long.</summary>
    /// <param name="words">The program and its arguments, no shell.</param>
    /// <returns>Null if it ended with status 0; else what went wrong, with the last that it said, as the end of a sentence.</returns>
    public static async Task<string?> RunAsync(IReadOnlyList<string> words, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        var (why, said) = await HearAsync(words, patience, MostOutput, time, cancellationToken).ConfigureAwait(false);
        var end = string.Concat(said.Trim().Select(c => char.IsControl(c) ? ' ' : c));
        return why is null || end.Length == 0 ? why : $"{why}: {end}";
    }

    /// <summary>Runs one to its end, as <see cref="RunAsync"/> does, and keeps what it says.</summary>
    /// <param name="most">Characters; of more than that, the last.</param>
    public static async Task<CommandOutcome> HearAsync(IReadOnlyList<string> words, TimeSpan patience, int most, TimeProvider time, CancellationToken cancellationToken)
    {
        using var process = new Process { StartInfo = new(words[0], words.Skip(1)) { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true, UseShellExecute = false } };
        var said = new Said(most);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => ended.TrySetResult();
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            return new($"cannot be started: {e.Message}", "");
        }

        process.StandardInput.Close();
        using var output = process.StandardOutput;
        using var errors = process.StandardError;
        var listening = Task.WhenAll(said.HearAsync(output), said.HearAsync(errors));
        using var late = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            await ended.Task.WaitAsync(either.Token).ConfigureAwait(false);
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
            return new($"took longer than {patience.TotalSeconds:0} s", said.ToString());
        }

        await Task.WhenAny(listening, Task.Delay(LastWords, TimeProvider.System, CancellationToken.None)).ConfigureAwait(false);
        return new(process.ExitCode == 0 ? null : $"ended with status {process.ExitCode}", said.ToString());
    }

    /// <summary>The last that a program says, in pieces as they come: it may never end a line.</summary>
    private sealed class Said(int most)
    {
        private readonly StringBuilder _text = new();

        public async Task HearAsync(StreamReader reader)
        {
            var piece = new char[4096];
            try
            {
                while (await reader.ReadAsync(piece).ConfigureAwait(false) is > 0 and var length)
                {
                    lock (_text)
                    {
                        _text.Append(piece, 0, length).Remove(0, Math.Max(0, _text.Length - most));
                    }
                }
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
            {
                // Nobody waits for it any more.
            }
        }

        public override string ToString()
        {
            lock (_text)
            {
                return _text.ToString();
            }
        }
    }
}

/// <summary>How a program ended.</summary>
/// <param name="Why">Null if with status 0; else what went wrong, as the end of a sentence.</param>
/// <param name="Said">What it wrote on standard output and standard error, in the order in which it was read.</param>
public readonly record struct CommandOutcome(string? Why, string Said);
