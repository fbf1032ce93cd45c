using Sentinel.Backends;

namespace Sentinel.Forwarding;

/// <summary>
/// What is known of present outages and past ones: the outage answer tells waiting people how long it may take.
/// Implemented by whoever keeps the records. Called for each outage answer: quick, never blocks, never throws, thread-safe.
/// </summary>
public interface IOutageOutlook
{
    /// <summary>The outage that a backend is in.</summary>
    /// <returns>Null if it is in none, or nothing is known.</returns>
    BackendOutlook? Of(BackendId backend);
}

/// <summary>One backend's present outage.</summary>
/// <param name="DownSince">When it began.</param>
/// <param name="Typical">How long an outage of this backend usually takes, from past ones; null without any.</param>
public readonly record struct BackendOutlook(DateTimeOffset DownSince, TimeSpan? Typical);

/// <summary>For a composition that keeps no records.</summary>
internal sealed class NoOutageOutlook : IOutageOutlook
{
    /// <inheritdoc/>
    public BackendOutlook? Of(BackendId backend) => null;
}
