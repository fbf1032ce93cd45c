using System.CommandLine;
using Sentinel.Jump;
using Sentinel.Jump.Sshd;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel sshd-config</c>.</summary>
internal static class SshdConfigCommand
{
    public static Command Create()
    {
        var command = new Command("sshd-config", "Prints the configuration of the jump host's private sshd, which its unit does at each start") { ConfigurationOption.Instance };
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

        if (result.Configuration.Ssh is not { } ssh)
        {
            throw new CommandFailure(ExitStatus.Usage, $"{file} has no jump host; \"ssh\": {{}} in it makes one");
        }

        Console.Out.Write(SshdConfiguration.Render(ssh, new JumpPlaces(Path.Combine(result.Configuration.StateDirectory, "ssh"))));
        return ExitStatus.Done;
    }
}
