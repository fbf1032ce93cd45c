using Sentinel.Backends;

namespace Sentinel.Forwarding.Http.Answers;

/// <summary>How a pool stands that cannot serve.</summary>
/// <param name="State">The state of the member that is nearest to serving again.</param>
/// <param name="Since">When the last member went away; null if nobody knows.</param>
/// <param name="Typical">How long the outage that will end first usually takes in all; null if nobody knows.</param>
/// <param name="Remaining">How long that still is, at least zero.</param>
internal readonly record struct PoolOutlook(BackendState State, DateTimeOffset? Since, TimeSpan? Typical, TimeSpan? Remaining)
{
    // nearest to serving first
    private static readonly BackendState[] Nearness =
    [
        BackendState.Serving, BackendState.Suspect, BackendState.Verifying, BackendState.Starting, BackendState.Recreating, BackendState.Waiting,
        BackendState.Stopping, BackendState.Noticed, BackendState.Unknown, BackendState.Draining, BackendState.Drained, BackendState.Held,
    ];

    /// <summary>Whether people took it out of service; nothing will bring it back by itself.</summary>
    public bool IsOnPurpose => State is BackendState.Draining or BackendState.Drained or BackendState.Held;

    public static PoolOutlook Of(Pool? pool, IOutageOutlook outlook, DateTimeOffset now)
    {
        var nearest = BackendState.Held;
        DateTimeOffset? since = null;
        (TimeSpan Remaining, TimeSpan Typical)? first = null;
        foreach (var member in pool?.Members ?? [])
        {
            if (Array.IndexOf(Nearness, member.Status.State) < Array.IndexOf(Nearness, nearest))
            {
                nearest = member.Status.State;
            }

            if (outlook.Of(member.Id) is not { } known)
            {
                continue;
            }

            since = since is null || known.DownSince > since ? known.DownSince : since;
            if (known.Typical is { } typical)
            {
                var left = typical - (now - known.DownSince);
                left = left < TimeSpan.Zero ? TimeSpan.Zero : left;
                first = first is null || left < first.Value.Remaining ? (left, typical) : first;
            }
        }

        return new(pool is null ? BackendState.Unknown : nearest, since, first?.Typical, first?.Remaining);
    }
}
