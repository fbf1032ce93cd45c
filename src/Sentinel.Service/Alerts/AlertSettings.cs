using Sentinel.Backends;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Alerts;

/// <summary>One receiver of alerts. Compared by value.</summary>
internal sealed record WebhookSettings
{
    /// <summary>Where to. Whoever knows it may speak: only its host is ever logged.</summary>
    public required Uri Url { get; init; }

    /// <summary>Signs what is sent; null: nothing does.</summary>
    public Secret? Secret { get; init; }

    public AlertFormat Format { get; init; }

    /// <summary>What it is told of.</summary>
    public EquatableList<AlertEvent> Events { get; init; } = [.. Enum.GetValues<AlertEvent>()];

    /// <inheritdoc/>
    public override string ToString() => Url.Host;
}

/// <summary>What is sent.</summary>
internal enum AlertFormat
{
    /// <summary>The alert as it is.</summary>
    Json,

    /// <summary>A sentence in the form of Slack's incoming webhooks.</summary>
    Slack,
}

/// <summary>What can be told of.</summary>
internal enum AlertEvent
{
    Preempted,
    Recovered,
    Slow,
    Capacity,
    Flapping,
    Held,
    Certificate,
}
