using Microsoft.Extensions.Logging;
using Sentinel.Service.Admin;
using Sentinel.Service.Cli;
using Sentinel.Service.Hosting;
using Sentinel.Service.Lifetimes;

namespace Sentinel.Service.Demo;

/// <summary>The daemon with two VMs to play with; ends with nothing left behind.</summary>
internal sealed class Demo(DemoScene scene, DemoSettings settings, Daemon daemon, StopSignals signals, LogTail? tail)
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(100);

    private readonly TimeProvider _time = TimeProvider.System;
    private readonly StatusReader _status = daemon.Part<StatusReader>();

    public static async Task<ExitStatus> RunAsync(DemoSettings settings)
    {
        using var signals = new StopSignals(reload: null);
        using var scene = await DemoScene.SetAsync(settings, signals.Stop).ConfigureAwait(false);
        var source = scene.Source();
        var result = source.Read();
        if (!result.IsGood)
        {
            throw new CommandFailure(ExitStatus.Failed, $"the demo's own configuration is wrong, which is a fault of ours: {string.Join("; ", result.Lines)}");
        }

        // On a terminal the log gives way to the view; anywhere else it is the view.
        var isLive = !Console.IsInputRedirected && !Console.IsOutputRedirected;
        await using var tail = isLive ? new LogTail(scene.LogFile, lines: 100) : null;
        await using var output = isLive ? null : Console.OpenStandardOutput();
        using var systemd = new SystemdLink(null, null);
        await using var daemon = Daemon.Create(new DaemonParts
        {
            Configuration = result.Configuration,
            Source = source,
            Signals = signals,
            Systemd = systemd,
            LogOutput = (Stream?)tail ?? output!,
            LogsToConsole = !isLive,
        });
        if (!isLive)
        {
            Terminal.Say(["Sentinel demo: two VMs behind one sentinel; Ctrl-C ends it", "", .. DemoView.Invitation(scene, logsToFile: false), ""]);
        }

        var demo = new Demo(scene, settings, daemon, signals, tail);
        var running = daemon.RunAsync();
        try
        {
            await demo.ShowAsync(running).ConfigureAwait(false);
        }
        finally
        {
            signals.RequestStop();
        }

        await running.ConfigureAwait(false);
        return ExitStatus.Done;
    }

    private async Task ShowAsync(Task running)
    {
        using var screen = tail is null ? null : new LiveScreen();
        using var timer = new PeriodicTimer(Beat, _time);
        var (started, preempted) = (_time.GetTimestamp(), _time.GetTimestamp());
        while (!signals.Stop.IsCancellationRequested && !running.IsCompleted && !(_time.GetElapsedTime(started) >= settings.For))
        {
            if (_time.GetElapsedTime(preempted) >= settings.PreemptEvery)
            {
                preempted = _time.GetTimestamp();
                Preempt();
            }

            screen?.Draw(DemoView.Screen(scene, _status.Status(), tail!.Last(), _time.GetUtcNow(), Terminal.Width, Console.WindowHeight));
            if (screen is not null && !Heed())
            {
                return;
            }

            await timer.WaitForNextTickAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>What was typed.</summary>
    /// <returns>False to quit.</returns>
    private bool Heed()
    {
        while (Console.KeyAvailable)
        {
            switch (Console.ReadKey(intercept: true).KeyChar)
            {
                case 'p' or 'P': Preempt(); break;
                case 'q' or 'Q': return false;
            }
        }

        return true;
    }

    private void Preempt()
    {
        if (_status.Status().Pools[0].Active is [var active, ..] && scene.ProcessOf(active) is { } process)
        {
            Log.Preempting(daemon.Part<ILogger<Demo>>(), active, process);
            Killing.Group(process);
        }
    }
}
