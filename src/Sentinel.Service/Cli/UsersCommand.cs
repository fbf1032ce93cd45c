using System.CommandLine;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel users</c>.</summary>
internal static class UsersCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var json = new Option<bool>("--json") { Description = "One JSON document and nothing else" };
        var command = new Command("users", "Who is at home on which backend, and why") { json };
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments);
            if (arguments.GetValue(json))
            {
                Console.Out.Write((await client.GetTextAsync("v1/placements", cancellationToken).ConfigureAwait(false)).TrimEnd() + "\n");
                return (int)ExitStatus.Done;
            }

            var placements = await client.GetAsync("v1/placements", AdminJson.Default.PlacementsDocument, cancellationToken).ConfigureAwait(false);
            var status = await client.GetAsync("status", AdminJson.Default.StatusDocument, cancellationToken).ConfigureAwait(false);
            Terminal.Say(UserLines.Of(placements, status.KeySync, Terminal.Width));
            return (int)ExitStatus.Done;
        });
        return command;
    }
}
