using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;

namespace Sentinel.Service.Lifetimes;

/// <summary>
/// Keeps systemd informed from the start to the very end: ready, how it goes, that every loop lives, that it stops. While
/// a loop is silent the watchdog gets no sign, and systemd restarts the daemon.
/// </summary>
/// <param name="systemd">Who is told.</param>
/// <param name="loops">Whose silence counts.</param>
/// <param name="describe">The daemon in one line.</param>
internal sealed class SystemdReporter(SystemdLink systemd, LoopRegistry loops, Func<string> describe, TimeProvider time, ILogger<SystemdReporter> logger)
    : BackgroundService, IHostedLifecycleService
{
    private static readonly TimeSpan StatusInterval = TimeSpan.FromSeconds(2);

    private string _status = "";

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        TellStatus();
        systemd.Ready();
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        systemd.Stopping();
        return Task.CompletedTask;
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!systemd.IsPresent)
        {
            return;
        }

        // sd_watchdog_enabled(3): half the time is the recommended pace.
        var interval = systemd.Watchdog / 2 is { } half && half < StatusInterval ? half : StatusInterval;
        using var timer = new PeriodicTimer(interval, time);
        var wasStuck = false;
        try
        {
            do
            {
                var stuck = loops.Stuck();
                if (stuck.Count == 0)
                {
                    systemd.Alive();
                }
                else if (!wasStuck)
                {
                    Log.WatchdogWithheld(logger, stuck);
                }

                wasStuck = stuck.Count > 0;
                TellStatus();
            }
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The daemon has stopped.
        }
    }

    private void TellStatus()
    {
        var stuck = loops.Stuck();
        var status = stuck.Count == 0 ? describe() : $"stuck: {string.Join(", ", stuck)}";
        if (status != _status)
        {
            systemd.Status(_status = status);
        }
    }
}
