using System.CommandLine;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Cli;

/// <summary><c>--config FILE</c>.</summary>
internal static class ConfigurationOption
{
    public static Option<string> Instance { get; } = new("--config")
    {
        HelpName = "FILE",
        Description = "The configuration",
        DefaultValueFactory = _ => ConfigurationSource.DefaultFile,
    };

    public static string Of(ParseResult arguments) => arguments.GetValue(Instance)!;
}
