using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;
using Sentinel.Service.Admin;
using Sentinel.Service.Configuration;
using Sentinel.Service.Lifetimes;
using Sentinel.Service.Telemetry;
using Sentinel.Service.Telemetry.Metrics;

namespace Sentinel.Service.Hosting;

/// <summary>Replaces the configuration when asked or when its file changed: whole, or not at all.</summary>
internal sealed class Reloader(
    ConfigurationSource source, ConfigurationInForce inForce, Rooms rooms, TelemetryRoom telemetry,
    SystemdLink systemd, LoopRegistry loops, TimeProvider time, ILogger<Reloader> logger) : BackgroundService
{
    private static readonly TimeSpan WatchAgain = TimeSpan.FromSeconds(5);

    // A reload may have to wait for the network: an exporter's last words, a name to be found.
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    // One that waits is enough: it will read the file as it is then.
    private int _asked;

    /// <summary>Asks for a reload.</summary>
    public void Ask() => Volatile.Write(ref _asked, 1);

    /// <summary>Reads the file and puts it in force.</summary>
    public async Task<ReloadOutcome> ReloadAsync(CancellationToken cancellationToken)
    {
        systemd.Reloading();
        try
        {
            var outcome = await ReplaceAsync(source.Read(), cancellationToken).ConfigureAwait(false);
            telemetry.Service.Reloaded(outcome);
            return outcome;
        }
        finally
        {
            systemd.Ready();
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var watching = WatchAsync(stoppingToken);
        using var loop = loops.Add("reload", Silence);
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                loop.Beat();
                if (Interlocked.Exchange(ref _asked, 0) == 1)
                {
                    await TryAsync(stoppingToken).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            await watching.ConfigureAwait(false);
        }
    }

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await new ConfigurationWatcher(source, time, loops).RunAsync(Ask, stoppingToken).ConfigureAwait(false);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                Log.WatchFailed(logger, e);
                await Task.Delay(WatchAgain, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                // The daemon stops.
            }
        }
    }

    private async Task TryAsync(CancellationToken stoppingToken)
    {
        try
        {
            await ReloadAsync(stoppingToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!stoppingToken.IsCancellationRequested)
        {
            Log.ReloadFailed(logger, e);
            inForce.Rejected([$"{source.File}: the daemon failed to apply it; its log says why"]);
            telemetry.Service.Reloaded(ReloadOutcome.Rejected);
        }
    }

    private async Task<ReloadOutcome> ReplaceAsync(ConfigurationResult result, CancellationToken cancellationToken)
    {
        var old = inForce.Current.Configuration;
        if (!result.IsGood)
        {
            return Reject([.. result.Lines]);
        }

        var next = result.Configuration;
        if (next.Equals(old))
        {
            inForce.Unchanged();
            Log.Unchanged(logger, source.File);
            return ReloadOutcome.Unchanged;
        }

        if (next.StateDirectory != old.StateDirectory)
        {
            return Reject([$"stateDirectory: it is {old.StateDirectory} as long as the daemon runs; put that back, or restart the daemon"]);
        }

        AdminToken token;
        try
        {
            token = AdminToken.Of(next.Admin, next.StateDirectory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Reject([$"admin: the token cannot be kept in the state directory: {e.Message}"]);
        }

        await using var change = await rooms.PrepareAsync(next, cancellationToken).ConfigureAwait(false);
        if (change.Errors.Count > 0)
        {
            return Reject(change.Errors);
        }

        change.Commit();
        inForce.Applied(next, token, time.GetUtcNow());
        telemetry.Apply(next.Telemetry);
        Log.Applied(logger, source.File);
        return ReloadOutcome.Applied;
    }

    private ReloadOutcome Reject(IReadOnlyList<string> errors)
    {
        inForce.Rejected(errors);
        Log.Rejected(logger, source.File, errors);
        return ReloadOutcome.Rejected;
    }
}
