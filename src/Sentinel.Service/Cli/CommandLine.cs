using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Sentinel.Service.Demo;

namespace Sentinel.Service.Cli;

/// <summary>The command <c>sentinel</c>: parses, runs, and sees to it that every failure is one line and the right exit status.</summary>
internal static class CommandLine
{
    /// <summary>Runs the command and returns its exit status.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        var parsed = Root().Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpWithExamples)
        {
            Terminal.Complain($"{parsed.Errors[0].Message.TrimEnd('.')}; see '{PathOf(parsed.CommandResult.Command)} --help'");
            return (int)ExitStatus.Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }).ConfigureAwait(false);
        }
        catch (CommandFailure failure)
        {
            Terminal.Complain(failure.Message);
            return (int)failure.Status;
        }
        catch (OperationCanceledException)
        {
            return (int)ExitStatus.Failed;
        }
    }

    private static RootCommand Root()
    {
        var root = new RootCommand("Stands in front of spot VMs: forwards to the one that serves, waits out a preemption, brings the VM back.")
        {
            RunCommand.Create(),
            DemoCommand.Create(),
            DemoVmCommand.Create(),
            CheckCommand.Create(),
            SchemaCommand.Create(),
            TransparentRulesCommand.Create(),
            SshdConfigCommand.Create(),
            SshConfigCommand.Create(),
            SshKeyCommand.Create(),
            StatusCommand.Create(),
            OutagesCommand.Create(),
            BackendCommands.Create("recover", "Brings a backend back now, whatever wait is on"),
            BackendCommands.Create("drain", "Lets a backend's connections finish and sends it no new ones"),
            BackendCommands.Create("resume", "Lets a drained backend take connections again"),
            BackendCommands.Create("release", "Lets go of a backend that is held because a person stopped it: starts it"),
            DrillCommand.Create(),
            SimulateCommand.Create(),
            CertificatesCommand.Create(),
            PlaceCommand.Create(),
            UsersCommand.Create(),
            RoutesCommand.Create(),
            VersionCommand.Create(),
        };
        foreach (var help in root.Options.OfType<HelpOption>())
        {
            help.Action = new HelpWithExamples((HelpAction)help.Action!);
        }

        return root;
    }

    private static string PathOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{PathOf(parent)} {command.Name}" : command.Name;

    /// <summary>The usual help and, after it, what one would type.</summary>
    private sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var status = usual.Invoke(parseResult);
            if (Examples.Of(parseResult.CommandResult.Command.Name) is { Length: > 0 } examples)
            {
                var output = parseResult.InvocationConfiguration.Output;
                output.Write("Examples:\n");
                foreach (var example in examples)
                {
                    output.Write($"  {example}\n");
                }

                output.Write("\n");
            }

            return status;
        }
    }
}
