using System.CommandLine;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel ssh-config USER</c>.</summary>
internal static class SshConfigCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var user = new Argument<string>("USER") { Description = "The user's name" };
        var login = new Option<bool>("--login") { Description = "To log in at the sentinel and be sent on; else to jump" };
        var command = new Command("ssh-config", "Prints the ~/.ssh/config that a user needs, host keys included") { user, login };
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments);
            var path = $"v1/users/{Uri.EscapeDataString(arguments.GetValue(user)!)}/ssh-config?method={(arguments.GetValue(login) ? "login" : "jump")}";
            Terminal.Say((await client.GetTextAsync(path, cancellationToken).ConfigureAwait(false)).TrimEnd('\n').Split('\n'));
            return (int)ExitStatus.Done;
        });
        return command;
    }
}
