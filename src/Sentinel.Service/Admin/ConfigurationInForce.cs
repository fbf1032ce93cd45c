using Sentinel.Service.Admin.Documents;
using Sentinel.Service.Configuration;
using Sentinel.Service.Telemetry.Metrics;

namespace Sentinel.Service.Admin;

/// <summary>The configuration that is in force, and how the last attempt to replace it ended. Thread-safe: replaced whole.</summary>
/// <param name="file">Where it comes from, as people know it.</param>
internal sealed class ConfigurationInForce(string file, SentinelConfiguration configuration, AdminToken token, DateTimeOffset now)
{
    private volatile Moment _now = new(configuration, token, now, null, []);

    /// <summary>The one moment that readers should take all they need from.</summary>
    public Moment Current => _now;

    /// <summary>A new one is in force.</summary>
    public void Applied(SentinelConfiguration configuration, AdminToken token, DateTimeOffset at) =>
        _now = new(configuration, token, at, ReloadOutcome.Applied, []);

    /// <summary>The file says what is in force already.</summary>
    public void Unchanged() => _now = _now with { LastReload = ReloadOutcome.Unchanged, Errors = [] };

    /// <summary>The file was refused.</summary>
    public void Rejected(IReadOnlyList<string> errors) => _now = _now with { LastReload = ReloadOutcome.Rejected, Errors = errors };

    /// <summary>For <c>/status</c>.</summary>
    public ConfigurationDocument Describe()
    {
        var now = _now;
        return new(file, now.LoadedAt, now.LastReload?.ToString().ToLowerInvariant(), now.Errors);
    }

    internal sealed record Moment(
        SentinelConfiguration Configuration, AdminToken Token, DateTimeOffset LoadedAt, ReloadOutcome? LastReload, IReadOnlyList<string> Errors);
}
