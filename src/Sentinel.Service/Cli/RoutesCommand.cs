using System.CommandLine;
using Sentinel.Backends;
using Sentinel.Jump.Routes;
using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel routes</c>.</summary>
internal static class RoutesCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var command = new Command("routes", "Prints the routes to container networks behind backends, where these are now, as a script to read or to run");
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var result = new ConfigurationSource(ConfigurationOption.Of(arguments)).Read();
            if (!result.IsGood)
            {
                CheckCommand.Complain(result);
                return (int)ExitStatus.Usage;
            }

            using var client = daemon.Connect(arguments);
            var (addresses, remark) = await AddressesAsync(client, cancellationToken).ConfigureAwait(false);
            var plan = RoutePlan.Of(result.Configuration.Backends.Select(backend => backend.Definition).Select(
                backend => (backend.Id, (IReadOnlyList<string>)backend.Networks, addresses?.GetValueOrDefault(backend.Id) ?? backend.Address)));
            Console.Out.Write(plan.Render() + remark);
            return (int)ExitStatus.Done;
        });
        return command;
    }

    /// <summary>The daemon knows where VMs are now; the file knows those that never move.</summary>
    private static async Task<(Dictionary<BackendId, string?>? Addresses, string Remark)> AddressesAsync(AdminClient client, CancellationToken cancellationToken)
    {
        try
        {
            var status = await client.GetAsync("status", AdminJson.Default.StatusDocument, cancellationToken).ConfigureAwait(false);
            return (status.Backends.ToDictionary(backend => new BackendId(backend.Name), backend => backend.Address), "");
        }
        catch (CommandFailure failure) when (failure.Status == ExitStatus.NoDaemon)
        {
            return (null, "# No daemon answers: these are the addresses of the configuration.\n");
        }
    }
}
