using System.CommandLine;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel ssh-key show|rotate|finish|forget</c>.</summary>
internal static class SshKeyCommand
{
    /// <summary>Backends are tried, some at a time, before an answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static Command Create()
    {
        var force = new Option<bool>("--force") { Description = "Also where backends do not have it, or cannot be tried" };
        var forget = new Argument<string>("BACKEND") { Description = "Its name in the configuration" };
        return new Command("ssh-key", "The sentinel's own SSH key for backends, and theirs")
        {
            Verb("show", "Prints the public key, and the next one if there is one", (client, _, cancellationToken) =>
                client.GetAsync("v1/ssh-key", AdminJson.Default.OwnKeysDocument, cancellationToken)),
            Verb("rotate", "Makes the next key; both are given to backends and shown to them from now on", (client, _, cancellationToken) =>
                client.PostAsync("v1/ssh-key/rotate", AdminJson.Default.OwnKeysDocument, cancellationToken)),
            Verb("finish", "Puts the next key in force alone, if all backends have it", (client, arguments, cancellationToken) =>
                client.PostAsync($"v1/ssh-key/finish{(arguments.GetValue(force) ? "?force=true" : "")}", AdminJson.Default.OwnKeysDocument, cancellationToken), force),
            Verb("forget", "Forgets a backend's host key, so that the one it shows next is believed", (client, arguments, cancellationToken) =>
                client.PostAsync($"v1/backends/{Uri.EscapeDataString(arguments.GetValue(forget)!)}/forget-host-key", AdminJson.Default.OwnKeysDocument, cancellationToken), forget),
        };
    }

    private static Command Verb(string name, string about, Func<AdminClient, ParseResult, CancellationToken, Task<OwnKeysDocument>> ask, Symbol? more = null)
    {
        var daemon = new DaemonOptions();
        var command = new Command(name, about);
        if (more is Argument argument)
        {
            command.Add(argument);
        }
        else if (more is Option option)
        {
            command.Add(option);
        }

        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments, Patience);
            var keys = await ask(client, arguments, cancellationToken).ConfigureAwait(false);
            Terminal.Say(keys.Current is { } current ? $"{current} sentinel" : "no key was made yet");
            if (keys.Next is { } next)
            {
                Terminal.Say($"{next} sentinel-next");
            }

            return (int)ExitStatus.Done;
        });
        return command;
    }
}
