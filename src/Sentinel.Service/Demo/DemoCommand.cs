using System.CommandLine;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Demo;

/// <summary><c>sentinel demo</c>.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var boot = Length("--boot", "How long a VM takes to come up; 3s unless given");
        var preemptEvery = Length("--preempt-every", "Preempts the active VM by itself, again and again");
        var length = Length("--for", "Ends by itself after so long");
        var command = new Command("demo", "Two VMs behind one sentinel on this machine, one of which you may kill; needs no cloud, no configuration, no root")
        {
            boot, preemptEvery, length,
        };
        command.SetAction(async (arguments, _) => (int)await Demo.RunAsync(new DemoSettings
        {
            Boot = arguments.GetValue(boot) ?? new DemoSettings().Boot,
            PreemptEvery = arguments.GetValue(preemptEvery),
            For = arguments.GetValue(length),
        }).ConfigureAwait(false));
        return command;
    }

    private static Option<TimeSpan?> Length(string name, string description) => new(name)
    {
        HelpName = "DURATION",
        Description = description,
        CustomParser = result =>
        {
            if (Duration.TryParse(result.Tokens[0].Value, out var duration) && (duration > TimeSpan.Zero || name == "--boot"))
            {
                return duration;
            }

            result.AddError($"'{result.Tokens[0].Value}' is no duration for {name}; write one like 20s or 1m30s");
            return null;
        },
    };
}
