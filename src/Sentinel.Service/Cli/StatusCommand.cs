using System.CommandLine;
using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Lifetimes;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel status [--json] [--watch]</c>.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var json = new Option<bool>("--json") { Description = "One JSON document and nothing else" };
        var watch = new Option<bool>("--watch") { Description = "Live, until Ctrl-C" };
        var command = new Command("status", "What the daemon sees: backends, pools, listeners") { json, watch };
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments);
            if (arguments.GetValue(watch))
            {
                if (arguments.GetValue(json) || Console.IsOutputRedirected)
                {
                    throw new CommandFailure(ExitStatus.Usage, "--watch draws on a terminal; for programs ask for 'sentinel status --json' again and again, or read /events");
                }

                await WatchAsync(client).ConfigureAwait(false);
            }
            else if (arguments.GetValue(json))
            {
                Console.Out.Write((await client.GetTextAsync("status", cancellationToken).ConfigureAwait(false)).TrimEnd() + "\n");
            }
            else
            {
                var status = await client.GetAsync("status", AdminJson.Default.StatusDocument, cancellationToken).ConfigureAwait(false);
                Terminal.Say(StatusText.Status(status, TimeProvider.System.GetUtcNow(), Terminal.Width));
            }

            return (int)ExitStatus.Done;
        });
        return command;
    }

    private static async Task WatchAsync(AdminClient client)
    {
        using var signals = new StopSignals(reload: null);
        using var screen = new LiveScreen();
        using var timer = new PeriodicTimer(Interval, TimeProvider.System);
        try
        {
            do
            {
                screen.Draw(await LinesAsync(client, signals.Stop).ConfigureAwait(false));
            }
            while (await timer.WaitForNextTickAsync(signals.Stop).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
        {
            // Ctrl-C is how one leaves.
        }
    }

    /// <summary>A daemon that is being restarted comes back: the view waits for it.</summary>
    private static async Task<IReadOnlyList<string>> LinesAsync(AdminClient client, CancellationToken cancellationToken)
    {
        try
        {
            var status = await client.GetAsync("status", AdminJson.Default.StatusDocument, cancellationToken).ConfigureAwait(false);
            return [.. StatusText.Status(status, TimeProvider.System.GetUtcNow(), Terminal.Width)];
        }
        catch (CommandFailure failure) when (failure.Status == ExitStatus.NoDaemon)
        {
            return [failure.Message];
        }
    }
}
