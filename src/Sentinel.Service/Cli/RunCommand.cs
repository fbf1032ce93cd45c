using System.CommandLine;
using Sentinel.Service.Configuration;
using Sentinel.Service.Hosting;

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

        return (int)await Daemon.RunAsync(source, result.Configuration).ConfigureAwait(false);
    }
}
