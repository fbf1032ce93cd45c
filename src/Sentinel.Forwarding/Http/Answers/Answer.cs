namespace Sentinel.Forwarding.Http.Answers;

/// <summary>An answer of our own, before it takes a form.</summary>
internal sealed record Answer
{
    /// <summary>The HTTP status; gRPC has its own, see <see cref="GrpcStatus"/>.</summary>
    public required int Status { get; init; }

    /// <summary>In a few words.</summary>
    public required string Title { get; init; }

    /// <summary>For people, a paragraph each. Plain text: whatever form it takes escapes it.</summary>
    public required IReadOnlyList<string> Paragraphs { get; init; }

    /// <summary>When trying again makes sense; null: it does not, or nobody knows.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether a page asks again by itself. Only where asking again is harmless.</summary>
    public bool Refreshes { get; init; }

    /// <summary>A page of the operator's that takes the place of ours, as it is; null: ours.</summary>
    public ReadOnlyMemory<byte>? Page { get; init; }

    /// <summary>When the outage began, for programs.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>In how many seconds it will probably be over, for programs.</summary>
    public int? ExpectedSeconds { get; init; }

    /// <summary>How much of the usual time is over, from 0 to 1, for a page to draw; null if nobody knows.</summary>
    public double? Progress { get; init; }

    /// <summary>The gRPC status that says the same (the mapping of gRPC's own documentation for HTTP statuses).</summary>
    public int GrpcStatus => Status switch
    {
        400 or 413 => 13, // INTERNAL
        _ => 14, // UNAVAILABLE
    };
}
