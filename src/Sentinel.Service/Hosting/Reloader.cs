using System.Threading.Channels;
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
    private static readonly TimeSpan SignOfLife = TimeSpan.FromSeconds(5);

    // One that waits is enough: it will read the file as it is then.
    private readonly Channel<bool> _asked = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Asks for a reload.</summary>
    public void Ask() => _asked.Writer.TryWrite(true);

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
        var watching = new ConfigurationWatcher(source, time, loops).RunAsync(Ask, stoppingToken);
        using var loop = loops.Add("reload", TimeSpan.FromMinutes(2));
        using var timer = new PeriodicTimer(SignOfLife, time);
        var tick = timer.WaitForNextTickAsync(stoppingToken).AsTask();
        var asked = _asked.Reader.WaitToReadAsync(stoppingToken).AsTask();
        try
        {
            while (true)
            {
                await Task.WhenAny(tick, asked, watching).ConfigureAwait(false);
                loop.Beat();
                if (asked.IsCompleted)
                {
                    await asked.ConfigureAwait(false);
                    _asked.Reader.TryRead(out _);
                    await TryAsync(stoppingToken).ConfigureAwait(false);
                    asked = _asked.Reader.WaitToReadAsync(stoppingToken).AsTask();
                }

                if (tick.IsCompleted)
                {
                    await tick.ConfigureAwait(false);
                    tick = timer.WaitForNextTickAsync(stoppingToken).AsTask();
                }

                if (watching.IsCompleted)
                {
                    await watching.ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The daemon stops.
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
