using System.CommandLine;
using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel drill BACKEND</c>: a preemption rehearsed for real, passed if the backend serves again in time.</summary>
internal static class DrillCommand
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var backend = new Argument<string>("BACKEND") { Description = "Its name in the configuration" };
        var within = new Option<TimeSpan>("--within")
        {
            HelpName = "DURATION",
            Description = "It must serve again by then (default: 2m)",
            DefaultValueFactory = _ => TimeSpan.FromMinutes(2),
            CustomParser = result =>
            {
                if (Duration.TryParse(result.Tokens[0].Value, out var span) && span > TimeSpan.Zero)
                {
                    return span;
                }

                result.AddError($"'{result.Tokens[0].Value}' is no duration; write one like 90s or 2m");
                return default;
            },
        };
        var command = new Command("drill", "Rehearses a preemption for real: stops a backend's VM the way its cloud does, and passes if it serves again in time") { backend, within };
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments);
            return await RunAsync(client, arguments.GetValue(backend)!, arguments.GetValue(within), TimeProvider.System, cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<int> RunAsync(AdminClient client, string name, TimeSpan within, TimeProvider time, CancellationToken cancellationToken)
    {
        var path = $"v1/backends/{Uri.EscapeDataString(name)}";
        var begun = time.GetTimestamp();
        var asked = await client.PostAsync($"{path}/drill", AdminJson.Default.BackendDocument, cancellationToken).ConfigureAwait(false);
        var (id, shown) = (asked.Outage ?? throw new CommandFailure(ExitStatus.Failed, $"{name} is {asked.State} and no outage is open: the drill did not begin"), "");
        while (true)
        {
            var outage = await client.GetAsync($"outages/{Uri.EscapeDataString(id)}", AdminJson.Default.OutageDocument, cancellationToken).ConfigureAwait(false);
            if (outage.EndedAt is not null)
            {
                return Judge(outage, within);
            }

            if (time.GetElapsedTime(begun) > within)
            {
                throw new CommandFailure(ExitStatus.Failed, $"failed: {name} does not serve after {Duration.ToText(within)}; recovery goes on, see 'sentinel outages {id}'");
            }

            if (outage.Timeline is [.., var last] && last.Detail.Length > 0 && last.Detail != shown)
            {
                shown = last.Detail;
                Terminal.Say($"{time.GetElapsedTime(begun).TotalSeconds,6:0.0} s  {last.What,-18}  {shown}");
            }

            await Task.Delay(Look, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static int Judge(OutageDocument outage, TimeSpan within)
    {
        foreach (var line in StatusText.Outage(outage))
        {
            Terminal.Say(line);
        }

        return outage.Attempts == 0 ? throw new CommandFailure(ExitStatus.Failed, $"failed: {outage.Backend} was not stopped; {outage.Timeline[^1].Detail}")
            : outage.Seconds > within.TotalSeconds ? throw new CommandFailure(ExitStatus.Failed, $"failed: {outage.Backend} served again after {outage.Seconds:0.0} s, not within {Duration.ToText(within)}")
            : (int)ExitStatus.Done;
    }
}
