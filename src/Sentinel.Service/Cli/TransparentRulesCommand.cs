using System.CommandLine;
using Sentinel.Forwarding.Relay;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel transparent-rules</c>.</summary>
internal static class TransparentRulesCommand
{
    public static Command Create()
    {
        var command = new Command("transparent-rules", "Prints the nftables and route rules that transparent listeners need, as a script to read or to run") { ConfigurationOption.Instance };
        command.SetAction(arguments => (int)Print(ConfigurationOption.Of(arguments)));
        return command;
    }

    private static ExitStatus Print(string file)
    {
        var result = new ConfigurationSource(file).Read();
        if (!result.IsGood)
        {
            CheckCommand.Complain(result);
            return ExitStatus.Usage;
        }

        var configuration = result.Configuration;
        Console.Out.Write(TransparentRules.Render(
            configuration.Name, configuration.Listeners.Where(listener => listener.Transparent).Select(listener => listener.Port)));
        return ExitStatus.Done;
    }
}
