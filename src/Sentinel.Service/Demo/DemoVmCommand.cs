using System.CommandLine;
using System.Net;
using Sentinel.Service.Cli;
using Sentinel.Service.Lifetimes;

namespace Sentinel.Service.Demo;

/// <summary><c>sentinel demo-vm</c>: what the demo starts as a VM. Nobody else has a use for it.</summary>
internal static class DemoVmCommand
{
    public const string Name = "demo-vm";

    /// <summary>The arguments that make <see cref="Create"/> see these settings.</summary>
    public static IEnumerable<string> Arguments(DemoVmSettings settings) =>
    [
        Name, "--name", settings.Name, "--http", settings.Http.ToString(), "--ssh", settings.Ssh.ToString(),
        "--boot", $"{settings.Boot.TotalMilliseconds:0}", "--pid-file", settings.PidFile, "--owner", $"{settings.Owner}",
        .. settings.Server is null ? [] : (string[])["--sshd", settings.Server, "--sshd-config", settings.ServerConfiguration!],
    ];

    public static Command Create()
    {
        var name = new Option<string>("--name") { Required = true };
        var http = new Option<string>("--http") { Required = true };
        var ssh = new Option<string>("--ssh") { Required = true };
        var boot = new Option<int>("--boot") { Required = true };
        var pidFile = new Option<string>("--pid-file") { Required = true };
        var owner = new Option<int>("--owner") { Required = true };
        var server = new Option<string?>("--sshd");
        var configuration = new Option<string?>("--sshd-config");
        var command = new Command(Name, "A VM of the demo") { name, http, ssh, boot, pidFile, owner, server, configuration };
        command.Hidden = true;
        command.SetAction(async (arguments, _) =>
        {
            using var signals = new StopSignals(reload: null);
            try
            {
                await new DemoVm(new DemoVmSettings
                {
                    Name = arguments.GetRequiredValue(name),
                    Http = IPEndPoint.Parse(arguments.GetRequiredValue(http)),
                    Ssh = IPEndPoint.Parse(arguments.GetRequiredValue(ssh)),
                    Boot = TimeSpan.FromMilliseconds(arguments.GetRequiredValue(boot)),
                    PidFile = arguments.GetRequiredValue(pidFile),
                    Owner = arguments.GetRequiredValue(owner),
                    Server = arguments.GetValue(server),
                    ServerConfiguration = arguments.GetValue(configuration),
                }).RunAsync(signals.Stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
            {
                // A VM that is shut down ends well.
            }

            return (int)ExitStatus.Done;
        });
        return command;
    }
}
