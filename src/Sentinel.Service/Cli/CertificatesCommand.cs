using System.CommandLine;
using System.Text.Json;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel certificates [renew NAME]</c>.</summary>
internal static class CertificatesCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var json = new Option<bool>("--json") { Description = "One JSON document and nothing else" };
        var command = new Command("certificates", "What is held, from where, until when") { json, Renew() };
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments);
            var status = await client.GetAsync("status", AdminJson.Default.StatusDocument, cancellationToken).ConfigureAwait(false);
            if (arguments.GetValue(json))
            {
                Console.Out.Write(JsonSerializer.Serialize(new CertificatesDocument(status.Certificates), AdminJson.Default.CertificatesDocument) + "\n");
            }
            else
            {
                Terminal.Say(CertificateLines.Of(status.Certificates, status.CertificateSync, TimeProvider.System.GetUtcNow(), Terminal.Width));
            }

            return (int)ExitStatus.Done;
        });
        return command;
    }

    private static Command Renew()
    {
        var daemon = new DaemonOptions();
        var name = new Argument<string>("NAME") { Description = "A host name that the certificate is for" };
        var command = new Command("renew", "Orders a name's certificate now") { name };
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments);
            var path = $"v1/certificates/{Uri.EscapeDataString(arguments.GetValue(name)!)}/renew";
            await client.PostAsync(path, AdminJson.Default.CertificatesDocument, cancellationToken).ConfigureAwait(false);
            Terminal.Say($"A certificate for {arguments.GetValue(name)} is being ordered; 'sentinel certificates' tells what comes of it.");
            return (int)ExitStatus.Done;
        });
        return command;
    }
}
