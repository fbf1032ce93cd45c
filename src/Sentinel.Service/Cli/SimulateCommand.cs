using System.CommandLine;
using System.Text.Json;
using Sentinel.Recovery;
using Sentinel.Recovery.Simulation;
using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Cli;

/// <summary><c>sentinel simulate</c>: the daemon's own recovery logic in virtual time.</summary>
internal static class SimulateCommand
{
    public static Command Create()
    {
        var defaults = new SimulationSettings();
        var days = Number("--days", "How many days", 30.0, 0.01, 3650);
        var vms = Number("--vms", "How many VMs (default: 2, or as many as the trace names)", 0, 0, 100_000);
        var pool = Number("--pool-size", "VMs in a pool, which serves while one of them does", defaults.PoolSize, 1, 100_000);
        var zones = Number("--zones", "How many zones (default: 1, or as many as the trace names)", 0, 0, 100);
        var seed = Number("--seed", "The same seed gives the same course of events", defaults.Seed, 0, int.MaxValue);
        var rate = Number("--preemptions-per-day", "Of one VM on average, more by day than by night", defaults.PreemptionsPerDay, 0, 1000.0);
        var zoneEvents = Number("--zone-events-per-week", "In one zone on average, each takes half of its VMs", defaults.ZoneEventsPerWeek, 0, 1000.0);
        var droughts = Number("--droughts-per-week", "In one zone on average, nothing starts as spot", defaults.DroughtsPerWeek, 0, 1000.0);
        var drought = Number("--drought-minutes", "How long a drought lasts on average", defaults.Drought.TotalMinutes, 0.1, 100_000);
        var spotPrice = Number("--spot-price", "Of a VM hour as spot; with --on-demand-price, costs are told too", 0, 0, 1e6);
        var price = Number("--on-demand-price", "Of a VM hour on demand", 0, 0, 1e6);
        var trace = new Option<string?>("--trace") { HelpName = "FILE", Description = "Recorded preemptions in place of made-up ones: CSV lines TIME,EVENT,NAME" };
        var config = new Option<string?>("--config") { HelpName = "FILE", Description = "Takes recovery and clouds.gce from the first backend of this configuration" };
        var json = new Option<bool>("--json") { Description = "One JSON document and nothing else" };
        var command = new Command("simulate", "Runs the recovery logic against a synthetic or recorded preemption trace in virtual time")
        {
            days, vms, pool, zones, seed, rate, zoneEvents, droughts, drought, spotPrice, price, trace, config, json,
        };
        command.SetAction((arguments, cancellationToken) =>
        {
            var recorded = arguments.GetValue(trace) is { } file ? PreemptionTrace.Read(file) : null;
            var settings = Configured(arguments.GetValue(config), defaults) with
            {
                Vms = arguments.GetValue(vms) is > 0 and var many ? many : recorded?.Vms ?? defaults.Vms,
                PoolSize = arguments.GetValue(pool),
                Zones = arguments.GetValue(zones) is > 0 and var places ? places : recorded?.Zones ?? defaults.Zones,
                Span = recorded is not null && arguments.GetResult(days) is not { Implicit: false } ? recorded.Span : TimeSpan.FromDays(arguments.GetValue(days)),
                Seed = arguments.GetValue(seed),
                PreemptionsPerDay = arguments.GetValue(rate),
                ZoneEventsPerWeek = arguments.GetValue(zoneEvents),
                DroughtsPerWeek = arguments.GetValue(droughts),
                Drought = TimeSpan.FromMinutes(arguments.GetValue(drought)),
                Trace = recorded?.Entries ?? [],
            };
            var report = Simulation.Run(settings, cancellationToken);
            if (arguments.GetValue(json))
            {
                Console.Out.Write(JsonSerializer.Serialize(report, AdminJson.Default.SimulationReport) + "\n");
            }
            else
            {
                Terminal.Say(Lines(settings, report, arguments.GetValue(spotPrice), arguments.GetValue(price)));
            }

            return Task.FromResult((int)ExitStatus.Done);
        });
        return command;
    }

    private static IEnumerable<string> Lines(SimulationSettings settings, SimulationReport report, double spotPrice, double price)
    {
        yield return $"{settings.Vms} VMs in {settings.Zones} zones for {settings.Span.TotalDays:0.##} days: {report.Preemptions} preemptions, {report.Outages} outages";
        yield return $"  availability   pools {report.PoolAvailability:P3}, single VMs {report.VmAvailability:P3}";
        yield return $"  downtime       median {report.MedianSeconds:0.0} s, p95 {report.P95Seconds:0.0} s, p99 {report.P99Seconds:0.0} s, worst {report.WorstSeconds:0.0} s";
        yield return $"  API requests   {report.Requests} in all, {report.RequestsAtWorst} in the worst minute";
        yield return $"  on demand      {report.OnDemandHours:0.0} of {report.VmHours:0.0} VM hours";
        if (price > 0)
        {
            var (cost, onDemand) = new BackendPrices(spotPrice, price).Of(
                TimeSpan.FromHours(report.VmHours - report.OnDemandHours), TimeSpan.FromHours(report.OnDemandHours), TimeSpan.FromHours(report.VmHours));
            yield return $"  cost           {cost:0.00}, and {onDemand:0.00} on demand throughout: {onDemand - cost:0.00} saved";
        }

        if (report.DownAtEnd > 0)
        {
            yield return $"  at the end     {report.DownAtEnd} did not serve";
        }
    }

    private static SimulationSettings Configured(string? file, SimulationSettings defaults)
    {
        if (file is null)
        {
            return defaults;
        }

        var read = new ConfigurationSource(file).Read();
        if (read.Configuration is not { } configuration)
        {
            throw new CommandFailure(ExitStatus.Usage, $"{file} has errors; see 'sentinel check --config {file}'");
        }

        return defaults with { Policy = configuration.Backends[0].Policy, WatchInterval = configuration.Gce.WatchInterval, RequestsPerMinute = configuration.Gce.RequestsPerMinute };
    }

    private static Option<T> Number<T>(string name, string about, T value, T least, T most)
        where T : struct, IComparable<T>
    {
        var option = new Option<T>(name) { HelpName = "N", Description = about, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<T>() is var given && (given.CompareTo(least) < 0 || given.CompareTo(most) > 0))
            {
                result.AddError($"{name} is {given}; it must be from {least} to {most}");
            }
        });
        return option;
    }
}
