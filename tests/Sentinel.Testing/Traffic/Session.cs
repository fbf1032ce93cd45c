using System.Diagnostics;
using System.Globalization;

namespace Sentinel.Testing.Traffic;

/// <summary>A program, such as a remote shell, that is to send back each line it gets and to end with its input.</summary>
internal sealed class Session(int seed, string[] command)
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);

    private readonly Random _random = new(seed);
    private Process _process = null!;

    /// <summary>Lines that came back as they were sent.</summary>
    public int Lines { get; private set; }

    /// <summary>The longest wait for one.</summary>
    public TimeSpan LongestSilence { get; private set; }

    /// <summary>What went wrong; null if nothing did.</summary>
    public string? Fault { get; private set; }

    /// <summary>Starts the program and has the first line come back.</summary>
    public async Task ConnectAsync()
    {
        _process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        await SayAsync().ConfigureAwait(false);
        LongestSilence = TimeSpan.Zero;
    }

    /// <summary>Goes on until it is stopped, then has the program end.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested && Fault is null)
        {
            await SayAsync().ConfigureAwait(false);
            await Task.Delay(Pace, TimeProvider.System, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _process.StandardInput.Close();
        var rest = await _process.StandardOutput.ReadToEndAsync(CancellationToken.None).ConfigureAwait(false);
        await _process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        if (rest.Length > 0 || _process.ExitCode != 0)
        {
            Fault ??= $"exit status {_process.ExitCode}, {rest.Length} more characters";
        }

        _process.Dispose();
    }

    private async Task SayAsync()
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{Lines} {Convert.ToHexString(RandomBytes())}");
        var start = TimeProvider.System.GetTimestamp();
        try
        {
            await _process.StandardInput.WriteLineAsync(line).ConfigureAwait(false);
            await _process.StandardInput.FlushAsync().ConfigureAwait(false);
            var back = await _process.StandardOutput.ReadLineAsync().ConfigureAwait(false);
            Fault ??= back is null ? $"the end came after {Lines} lines" : back != line ? $"a wrong line came after {Lines}" : null;
        }
        catch (IOException e)
        {
            Fault ??= e.Message;
        }

        var silence = TimeProvider.System.GetElapsedTime(start);
        LongestSilence = silence > LongestSilence ? silence : LongestSilence;
        Lines++;
    }

    private byte[] RandomBytes()
    {
        var bytes = new byte[_random.Next(1, 1000)];
        _random.NextBytes(bytes);
        return bytes;
    }
}
