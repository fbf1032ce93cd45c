using System.CommandLine;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel ssh-key show|rotate|finish|forget</c>.</summary>
internal static class SshKeyCommand
{
    public static Command Create()
    {
        var forget = new Argument<string>("BACKEND") { Description = "Its name in the configuration" };
        return new Command("ssh-key", "The sentinel's own SSH key for backends, and theirs")
        {
            Verb("show", "Prints the public key, and the next one if there is one", (client, _, cancellationToken) =>
                client.GetAsync("v1/ssh-key", AdminJson.Default.OwnKeysDocument, cancellationToken)),
            Verb("rotate", "Makes the next key; both are given to backends and shown to them from now on", (client, _, cancellationToken) =>
                client.PostAsync("v1/ssh-key/rotate", AdminJson.Default.OwnKeysDocument, cancellationToken)),
            Verb("finish", "Puts the next key in force alone, once all backends have it", (client, _, cancellationToken) =>
                client.PostAsync("v1/ssh-key/finish", AdminJson.Default.OwnKeysDocument, cancellationToken)),
            Verb("forget", "Forgets a backend's host key, so that the one it shows next is believed", (client, arguments, cancellationToken) =>
                client.PostAsync($"v1/backends/{Uri.EscapeDataString(arguments.GetValue(forget)!)}/forget-host-key", AdminJson.Default.OwnKeysDocument, cancellationToken), forget),
        };
    }

    private static Command Verb(string name, string about, Func<AdminClient, ParseResult, CancellationToken, Task<OwnKeysDocument>> ask, Argument<string>? argument = null)
    {
        var daemon = new DaemonOptions();
        var command = new Command(name, about);
        if (argument is not null)
        {
            command.Add(argument);
        }

        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments);
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
