using System.CommandLine;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel outages [ID]</c>.</summary>
internal static class OutagesCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var id = new Argument<string?>("ID") { Arity = ArgumentArity.ZeroOrOne, Description = "Shows this outage's timeline" };
        var json = new Option<bool>("--json") { Description = "One JSON document and nothing else" };
        var command = new Command("outages", "The flight recorder: past outages, the latest first") { id, json };
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments);
            var one = arguments.GetValue(id);
            var path = one is null ? "outages" : $"outages/{Uri.EscapeDataString(one)}";
            if (arguments.GetValue(json))
            {
                Console.Out.Write((await client.GetTextAsync(path, cancellationToken).ConfigureAwait(false)).TrimEnd() + "\n");
            }
            else if (one is null)
            {
                Terminal.Say(StatusText.Outages((await client.GetAsync(path, AdminJson.Default.OutagesDocument, cancellationToken).ConfigureAwait(false)).Outages, Terminal.Width));
            }
            else
            {
                Terminal.Say(StatusText.Outage(await client.GetAsync(path, AdminJson.Default.OutageDocument, cancellationToken).ConfigureAwait(false)));
            }

            return (int)ExitStatus.Done;
        });
        return command;
    }
}
