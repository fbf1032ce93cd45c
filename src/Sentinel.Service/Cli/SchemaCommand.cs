using System.CommandLine;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel schema</c>.</summary>
internal static class SchemaCommand
{
    public static Command Create()
    {
        var command = new Command("schema", "Prints the JSON Schema of the configuration, for editors");
        command.SetAction(_ => Console.Out.Write(ConfigurationSchema.ToText()));
        return command;
    }
}
