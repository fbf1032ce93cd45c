using System.CommandLine;
using Sentinel.Backends;
using Sentinel.Forwarding.Probing;
using Sentinel.Jump.Machines;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel check</c>.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var probe = new Option<bool>("--probe") { Description = "Also connects to every backend the way its listeners would, and says what it found" };
        var command = new Command("check", "Tells everything that is wrong with a configuration, each with its path and line") { probe };
        daemon.AddTo(command);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var configuration = Check(ConfigurationOption.Of(arguments));
            return (int)(configuration is null ? ExitStatus.Usage
                : arguments.GetValue(probe) ? await ProbeAsync(configuration, daemon, arguments, cancellationToken).ConfigureAwait(false)
                : ExitStatus.Done);
        });
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

    private static SentinelConfiguration? Check(string file)
    {
        var result = new ConfigurationSource(file).Read();
        if (!result.IsGood)
        {
            Complain(result);
            return null;
        }

        var good = result.Configuration;
        Terminal.Say($"{file} is good: {Spoken.Count(good.Backends.Count, "backend")}, {Spoken.Count(good.Pools.Count, "pool")}, {Spoken.Count(good.Listeners.Count, "listener")}.");

        // The file may be meant for another machine: this is advice and no error.
        foreach (var need in good.Ssh is { } ssh ? JumpNeeds.Of(ssh, [.. good.Backends.Select(backend => backend.Definition)], good.StateDirectory) : [])
        {
            Terminal.Say($"This machine is not ready to be its jump host: {need}");
        }

        return good;
    }

    private static async Task<ExitStatus> ProbeAsync(SentinelConfiguration configuration, DaemonOptions daemon, ParseResult arguments, CancellationToken cancellationToken)
    {
        var addresses = configuration.Backends.ToDictionary(backend => backend.Definition.Id, backend => backend.Definition.Address);
        if (addresses.ContainsValue(null))
        {
            await LearnAsync(addresses, daemon, arguments, cancellationToken).ConfigureAwait(false);
        }

        var findings = await new BackendProbe(TimeProvider.System, ProbePatience.Usual)
            .RunAsync(configuration.Listeners, configuration.Pools, addresses.GetValueOrDefault, cancellationToken).ConfigureAwait(false);
        foreach (var finding in findings)
        {
            Terminal.Say($"{Word(finding.Verdict)}: {finding.Listener} to {finding.Backend.Name} at {finding.Place}: {finding.Text}.");
        }

        var (wrong, untried) = (findings.Count(finding => finding.Verdict == ProbeVerdict.Wrong), findings.Count(finding => finding.Verdict == ProbeVerdict.NotTried));
        if (wrong > 0)
        {
            Terminal.Complain($"{Spoken.Count(wrong, "way")} of {findings.Count} to a backend would not work; mend what is said above and probe again");
        }
        else if (untried > 0)
        {
            Terminal.Complain($"{Spoken.Count(untried, "way")} of {findings.Count} to a backend could not be tried; start the daemon and probe again, or give the backend an address");
        }

        return wrong + untried > 0 ? ExitStatus.Failed : ExitStatus.Done;
    }

    /// <summary>Asks the daemon where backends are that the file does not place. Without one they stay unknown.</summary>
    private static async Task LearnAsync(Dictionary<BackendId, string?> addresses, DaemonOptions daemon, ParseResult arguments, CancellationToken cancellationToken)
    {
        try
        {
            using var client = daemon.Connect(arguments);
            var status = await client.GetAsync("status", AdminJson.Default.StatusDocument, cancellationToken).ConfigureAwait(false);
            foreach (var backend in status.Backends)
            {
                if (addresses.TryGetValue(new(backend.Name), out var known) && known is null)
                {
                    addresses[new(backend.Name)] = backend.Address;
                }
            }
        }
        catch (CommandFailure failure) when (failure.Status != ExitStatus.Usage)
        {
            // Each way that could not be tried for it says so.
        }
    }

    private static string Word(ProbeVerdict verdict) => verdict switch
    {
        ProbeVerdict.Good => "good",
        ProbeVerdict.Wrong => "wrong",
        _ => "not tried",
    };
}
