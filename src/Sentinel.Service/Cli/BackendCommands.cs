using System.CommandLine;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel recover|drain|resume|release BACKEND</c>.</summary>
internal static class BackendCommands
{
    public static Command Create(string verb, string description)
    {
        var daemon = new DaemonOptions();
        var backend = new Argument<string>("BACKEND") { Description = "Its name in the configuration" };
        var command = new Command(verb, description) { backend };
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments);
            var path = $"v1/backends/{Uri.EscapeDataString(arguments.GetValue(backend)!)}/{verb}";
            var status = await client.PostAsync(path, AdminJson.Default.BackendDocument, cancellationToken).ConfigureAwait(false);
            Terminal.Say($"{status.Name} is {status.State}: {status.Reason}");
            return (int)ExitStatus.Done;
        });
        return command;
    }
}
