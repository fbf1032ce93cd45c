using System.CommandLine;
using System.Text.Json;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel certificates [renew NAME | revoke NAME | roll-key]</c>.</summary>
internal static class CertificatesCommand
{
    /// <summary>An authority is asked before the answer, and may take its time.</summary>
    private static readonly TimeSpan AtAuthorities = TimeSpan.FromMinutes(3);

    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var json = new Option<bool>("--json") { Description = "One JSON document and nothing else" };
        var command = new Command("certificates", "What is held, from where, until when") { json, Renew(), Revoke(), RollKey() };
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

    private static Command Revoke()
    {
        var daemon = new DaemonOptions();
        var name = new Argument<string>("NAME") { Description = "A name that the certificate is for, just as it stands there" };
        var reason = new Option<string?>("--reason") { HelpName = "REASON", Description = $"Why: {RevocationWords.All}" };
        reason.AcceptOnlyFromAmong([.. RevocationWords.All.Split(", ")]);
        var command = new Command("revoke", "Has its authority revoke a certificate, and orders a new one if it is configured") { name, reason };
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments, AtAuthorities);
            var why = arguments.GetValue(reason) is { } word ? $"?reason={Uri.EscapeDataString(word)}" : "";
            var path = $"v1/certificates/{Uri.EscapeDataString(arguments.GetValue(name)!)}/revoke{why}";
            var held = await client.PostAsync(path, AdminJson.Default.CertificatesDocument, cancellationToken).ConfigureAwait(false);
            Terminal.Say(held.Certificates.Any(certificate => certificate.RenewAt is not null)
                ? $"The certificate for {arguments.GetValue(name)} is revoked, and shown until the next one is there; 'sentinel certificates' tells when that is ordered."
                : $"The certificate for {arguments.GetValue(name)} is revoked. No other is ordered, since certificates.acme.names has it no more.");
            return (int)ExitStatus.Done;
        });
        return command;
    }

    private static Command RollKey()
    {
        var daemon = new DaemonOptions();
        var command = new Command("roll-key", "Gives the account at each authority a new key");
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = daemon.Connect(arguments, AtAuthorities);
            var changed = await client.PostAsync("v1/certificates/roll-key", AdminJson.Default.AccountsDocument, cancellationToken).ConfigureAwait(false);
            Terminal.Say(changed.Accounts.Select(directory => $"The account at {directory} has a new key."));
            return (int)ExitStatus.Done;
        });
        return command;
    }
}
