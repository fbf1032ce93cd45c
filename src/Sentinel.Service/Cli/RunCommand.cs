using System.CommandLine;
using Sentinel.Service.Configuration;
using Sentinel.Service.Hosting;
using Sentinel.Service.Lifetimes;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel run</c>.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var command = new Command("run", "The daemon, in the foreground; speaks to systemd where that started it") { ConfigurationOption.Instance };
        command.SetAction((arguments, _) => RunAsync(ConfigurationOption.Of(arguments)));
        return command;
    }

    private static async Task<int> RunAsync(string file)
    {
        var source = new ConfigurationSource(file);
        var result = source.Read();
        if (!result.IsGood)
        {
            CheckCommand.Complain(result);
            return (int)ExitStatus.Usage;
        }

        Reloader? reloader = null;
        using var signals = new StopSignals(() => reloader?.Ask());
        using var systemd = SystemdLink.FromEnvironment();
        await using var output = Console.OpenStandardOutput();
        await using var daemon = Daemon.Create(new DaemonParts
        {
            Configuration = result.Configuration,
            Source = source,
            Signals = signals,
            Systemd = systemd,
            LogOutput = output,
        });
        reloader = daemon.Part<Reloader>();
        await daemon.RunAsync().ConfigureAwait(false);
        return (int)ExitStatus.Done;
    }
}
