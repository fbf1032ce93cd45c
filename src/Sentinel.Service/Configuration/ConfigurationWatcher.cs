using Sentinel.Backends.Progress;

namespace Sentinel.Service.Configuration;

/// <summary>
/// Notices when the configuration file's content is no longer what was last read. It reads the file again and again:
/// unlike the notifications of a file system that is the same for an editor that renames over it, a link that is turned
/// elsewhere (Kubernetes, systemd credentials), a network share, or a file that is deleted and comes back.
/// </summary>
internal sealed class ConfigurationWatcher(ConfigurationSource source, TimeProvider time, LoopRegistry loops)
{
    /// <summary>From one look to the next. A change counts once two looks in a row saw the same new content.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Calls <paramref name="changed"/> once for each new content, a missing file included, until cancelled.</summary>
    /// <param name="changed">Called on the watcher's loop: be quick, such as posting to a channel. Whoever handles it calls <see cref="ConfigurationSource.Read"/>.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task RunAsync(Action changed, CancellationToken cancellationToken)
    {
        using var loop = loops.Add("configuration.watcher");
        using var timer = new PeriodicTimer(Interval, time);
        var (seen, told) = (source.LastRead, source.LastRead);
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
        {
            loop.Beat();
            var now = source.Look();
            var settled = now == seen;
            seen = now;
            if (now == source.LastRead)
            {
                told = now;
            }
            else if (settled && now != told)
            {
                told = now;
                changed();
            }
        }
    }
}
