using System.Globalization;
using Microsoft.AspNetCore.Http;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Http.Answers;

/// <summary>What a client is told while nobody can serve it.</summary>
internal static class OutageAnswer
{
    /// <summary>Where the live status is shown while a pool is down.</summary>
    public const string StatusPath = "/sentinel";

    // Without past outages to go by. A restart takes a minute or so; asking six times meanwhile hurts nobody.
    private static readonly TimeSpan RetryUnknown = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RetrySoonest = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RetryLatest = TimeSpan.FromMinutes(2);

    /// <param name="method">Decides whether a page may ask again by itself.</param>
    /// <param name="outlook">How the pool stands.</param>
    /// <param name="page">The operator's own page; null for ours.</param>
    /// <param name="now">By the wall clock.</param>
    public static Answer For(string method, PoolOutlook outlook, ReadOnlyMemory<byte>? page, DateTimeOffset now)
    {
        var repeats = method is "GET" or "HEAD";
        var paragraphs = new List<string> { Happening(outlook.State) };
        if (!outlook.IsOnPurpose)
        {
            if (outlook.Since is { } since && Duration(outlook, now - since) is { Length: > 0 } duration)
            {
                paragraphs.Add(duration);
            }

            if (!repeats)
            {
                paragraphs.Add("Your request was not carried out. Please go back and send it again in a little while.");
            }
            else
            {
                paragraphs.Add("There is nothing you need to do: trying again in a little while will work.");
            }
        }

        return new()
        {
            Status = StatusCodes.Status503ServiceUnavailable,
            Title = outlook.IsOnPurpose ? "Out of service" : "Back soon",
            Paragraphs = paragraphs,
            RetryAfter =
                outlook.IsOnPurpose ? RetryLatest
                : outlook.Remaining is not { } remaining || remaining == TimeSpan.Zero ? RetryUnknown
                : TimeSpan.FromTicks(Math.Clamp(remaining.Ticks, RetrySoonest.Ticks, RetryLatest.Ticks)),
            Refreshes = repeats,
            Page = page,
            Since = outlook.Since,
            Progress = outlook is { IsOnPurpose: false, Typical: { Ticks: > 0 } usual, Remaining: { } rest } ? 1 - (rest / usual) : null,
            ExpectedSeconds = outlook.IsOnPurpose || outlook.Remaining is not { } left || left == TimeSpan.Zero ? null : (int)Math.Ceiling(left.TotalSeconds),
        };
    }

    /// <summary>The state of a backend in words for whoever waits for it.</summary>
    public static string InWords(BackendState state) => state switch
    {
        BackendState.Unknown => "not seen yet",
        BackendState.Serving => "serving",
        BackendState.Suspect => "does not answer",
        BackendState.Noticed => "about to be taken away by its provider",
        BackendState.Stopping => "stopped",
        BackendState.Starting => "starting",
        BackendState.Recreating => "being made anew",
        BackendState.Verifying => "up, being checked",
        BackendState.Waiting => "waiting for the next attempt to start it",
        BackendState.Held or BackendState.Draining or BackendState.Drained => "taken out of service by its operators",
        _ => state.ToName(),
    };

    private static string Happening(BackendState state) => state switch
    {
        BackendState.Verifying => "The server behind this address was away. It is up again and is being checked.",
        BackendState.Starting => "The server behind this address went away and is being started again.",
        BackendState.Recreating => "The server behind this address is gone and is being made anew.",
        BackendState.Waiting => "The server behind this address went away and could not be started yet. Further attempts follow by themselves.",
        BackendState.Stopping or BackendState.Noticed => "The server behind this address went away. It will be started again in a moment.",
        BackendState.Draining or BackendState.Drained or BackendState.Held => "The server behind this address was taken out of service by its operators.",
        _ => "The server behind this address does not answer at the moment.",
    };

    private static string Duration(PoolOutlook outlook, TimeSpan elapsed)
    {
        var away = string.Create(CultureInfo.InvariantCulture, $"It has been away for {RoughDuration.Of(elapsed)}");
        return outlook switch
        {
            { Typical: null } => $"{away}.",
            { Remaining: { } left, Typical: { } typical } when left > TimeSpan.Zero =>
                $"{away}. This usually takes {RoughDuration.Of(typical)} in all, so it should be back in about {RoughDuration.Of(left)}.",
            { Typical: { } typical } => $"{away}. This usually takes {RoughDuration.Of(typical)}, so it should be back at any moment.",
        };
    }
}
