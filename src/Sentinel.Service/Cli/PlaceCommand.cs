using System.CommandLine;
using System.Net.Http.Json;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel place USER [--auto | --backend B | --remove]</c>.</summary>
internal static class PlaceCommand
{
    /// <summary>The provision command runs before the answer, after those of others on the same backend.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var user = new Argument<string>("USER") { Description = "Whom" };
        var backend = new Option<string?>("--backend") { HelpName = "BACKEND", Description = "On this backend; moves a user who is on another" };
        var auto = new Option<bool>("--auto") { Description = "On the backend of ssh.pool with the lowest load; a user who is placed stays (the default)" };
        var remove = new Option<bool>("--remove") { Description = "Forgets the placement; nothing is done on the VM" };
        var command = new Command("place", "Places a user on a backend, and has ssh.provision make the user there") { user, backend, auto, remove };
        command.Validators.Add(result =>
        {
            if (new[] { result.GetValue(backend) is not null, result.GetValue(auto), result.GetValue(remove) }.Count(given => given) > 1)
            {
                result.AddError("one of --auto, --backend and --remove");
            }
        });
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments, Patience);
            var path = $"v1/placements/{Uri.EscapeDataString(arguments.GetValue(user)!)}";
            var placed = await (arguments.GetValue(remove) ? client.SendAsync(HttpMethod.Delete, path, content: null, AdminJson.Default.PlacedDocument, cancellationToken)
                : arguments.GetValue(backend) is { } name ? PutAsync(client, path, name, cancellationToken)
                : client.PostAsync($"{path}/auto", AdminJson.Default.PlacedDocument, cancellationToken)).ConfigureAwait(false);
            Terminal.Say((placed.Output ?? "").Split('\n').Where(line => line.Trim().Length > 0).Append(placed.Message));
            return (int)ExitStatus.Done;
        });
        return command;
    }

    private static async Task<PlacedDocument> PutAsync(AdminClient client, string path, string backend, CancellationToken cancellationToken)
    {
        using var content = JsonContent.Create(new BackendNameDocument(backend), AdminJson.Default.BackendNameDocument);
        return await client.SendAsync(HttpMethod.Put, path, content, AdminJson.Default.PlacedDocument, cancellationToken).ConfigureAwait(false);
    }
}
