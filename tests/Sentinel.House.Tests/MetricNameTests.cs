using System.Text.RegularExpressions;

namespace Sentinel.House.Tests;

/// <summary>Metric names are a contract with dashboards and alerts: adding one means adding it here.</summary>
public sealed partial class MetricNameTests
{
    private static readonly HashSet<string> Known =
    [
        "sentinel.connections.active",
        "sentinel.connections",
        "sentinel.connections.held",
        "sentinel.hold.duration",
        "sentinel.relay",
        "sentinel.connect.duration",
        "sentinel.backend.healthy",
        "sentinel.backend.state",
        "sentinel.health.checks",
        "sentinel.preemptions",
        "sentinel.outage.duration",
        "sentinel.recovery.attempts",
        "sentinel.cloud.requests",
        "sentinel.cloud.request.duration",
        "sentinel.certificate.expiry.timestamp",
        "sentinel.certificate.renewals",
        "sentinel.sync.failures",
        "sentinel.leader",
        "sentinel.config.reloads",
        "sentinel.build.info",
        "sentinel.log.dropped",
    ];

    [Fact]
    public void Instruments_have_the_names_that_are_documented()
    {
        var used = Repository.Sources
            .SelectMany(file => InstrumentName().Matches(Repository.Read(file)))
            .Select(match => match.Groups["name"].Value)
            .ToHashSet();

        Assert.Empty(used.Except(Known));
        Assert.Empty(Known.Except(used));
    }

    // a unit's name looks like an instrument's
    [GeneratedRegex("\"(?<name>sentinel\\.(?!service\")[a-z]+(\\.[a-z]+)*)\"")]
    private static partial Regex InstrumentName();
}
