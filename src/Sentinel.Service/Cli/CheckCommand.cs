using System.CommandLine;
using Sentinel.Service.Admin;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel check</c>.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var probe = new Option<bool>("--probe") { Description = "Also connects to every backend (not yet supported)", Hidden = true };
        var command = new Command("check", "Tells everything that is wrong with a configuration, each with its path and line") { ConfigurationOption.Instance, probe };
        command.SetAction(arguments => (int)Check(ConfigurationOption.Of(arguments), arguments.GetValue(probe)));
        return command;
    }

    /// <summary>Every error on a line of its own: whoever mends one wants to know of the others.</summary>
    public static void Complain(ConfigurationResult result)
    {
        foreach (var line in result.Lines)
        {
            Console.Error.Write(Terminal.Tame(line) + "\n");
        }
    }

    private static ExitStatus Check(string file, bool probe)
    {
        if (probe)
        {
            throw new CommandFailure(ExitStatus.Usage, "--probe is not yet supported; leave it out to check the file alone");
        }

        var result = new ConfigurationSource(file).Read();
        if (!result.IsGood)
        {
            Complain(result);
            return ExitStatus.Usage;
        }

        var good = result.Configuration;
        Terminal.Say($"{file} is good: {Spoken.Count(good.Backends.Count, "backend")}, {Spoken.Count(good.Pools.Count, "pool")}, {Spoken.Count(good.Listeners.Count, "listener")}.");
        return ExitStatus.Done;
    }
}
