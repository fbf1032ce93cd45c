namespace Sentinel.Service.Admin.Documents;

/// <summary>An error as RFC 9457 wants it told.</summary>
internal sealed record ProblemDocument
{
    /// <summary><c>about:blank</c>: the status says it all, and <see cref="Title"/> is its name.</summary>
    public string Type { get; init; } = "about:blank";

    public required string Title { get; init; }

    public required int Status { get; init; }

    /// <summary>What is wrong and what to do, for people.</summary>
    public required string Detail { get; init; }

    /// <summary>Loops that have fallen silent; <c>/healthz</c> only.</summary>
    public IReadOnlyList<string>? Loops { get; init; }

    /// <summary>Listeners that are not bound; <c>/readyz</c> only.</summary>
    public IReadOnlyList<string>? Listeners { get; init; }

    /// <summary>Pools that cannot serve; <c>/readyz</c> only.</summary>
    public IReadOnlyList<string>? Pools { get; init; }

    /// <summary>What the operator's program wrote; placement only.</summary>
    public string? Output { get; init; }
}

/// <summary>What <c>/healthz</c> and <c>/readyz</c> answer when all is well.</summary>
internal sealed record HealthDocument(string Status);
