using Sentinel.Backends.Progress;

namespace Sentinel.Service.Configuration;

/// <summary>
/// Notices when the configuration file's content is no longer what was last read. It reads the file again and again:
/// unlike the notifications of a file system that is the same for an editor that renames over it, a link that is turned
/// elsewhere (Kubernetes, systemd credentials), a network share, or a file that is deleted and comes back.
/// </summary>
internal sealed class ConfigurationWatcher(ConfigurationSource source, TimeProvider time, LoopRegistry loops)
{
    /// <summary>From one look to the next.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private string _seen = source.LastRead;
    private string _told = source.LastRead;

    /// <summary>Calls <paramref name="changed"/> once for each new content, a missing file included, until cancelled.</summary>
    /// <param name="changed">Called on the watcher's loop: be quick, such as posting to a channel. Whoever handles it calls <see cref="ConfigurationSource.Read"/>.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task RunAsync(Action changed, CancellationToken cancellationToken)
    {
        using var loop = loops.Add("configuration.watcher");
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
        {
            loop.Beat();
            if (HasChanged())
            {
                changed();
            }
        }
    }

    /// <summary>
    /// Looks once. A change counts at the second look that sees the same new content, so that a file that is being written is
    /// left to be finished, and it counts once, whatever becomes of it.
    /// </summary>
    internal bool HasChanged()
    {
        var now = source.Look();
        var settled = now == _seen;
        _seen = now;
        if (now == source.LastRead)
        {
            _told = now;
        }
        else if (settled && now != _told)
        {
            _told = now;
            return true;
        }

        return false;
    }
}
