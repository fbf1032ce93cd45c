namespace Sentinel.Certificates.Acme;

/// <summary>Why an authority refuses (RFC 8555 §6.7, RFC 9457).</summary>
internal sealed record AcmeProblem
{
    private const string Namespace = "urn:ietf:params:acme:error:";
    private const int MostText = 4000;

    public string Type { get; set => field = value ?? ""; } = "";

    public string Detail { get; set => field = value ?? ""; } = "";

    public int? Status { get; set; }

    public Identifier? Identifier { get; set; }

    public IReadOnlyList<AcmeProblem>? Subproblems { get; set; }

    /// <summary>Whether it is of an error that RFC 8555 §6.7 names.</summary>
    public bool Is(string error) => Type == Namespace + error;

    /// <summary>All of it in one line, subproblems too; what steers terminals is taken out.</summary>
    public override string ToString()
    {
        var text = Told();
        text = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
        return text.Length <= MostText ? text : text[..MostText] + "…";
    }

    private string Told()
    {
        var type = Type.StartsWith(Namespace, StringComparison.Ordinal) ? Type[Namespace.Length..] : Type;
        var text = $"{(type.Length == 0 ? "refused" : type)}{(Detail.Length == 0 ? "" : $": {Detail}")}{(Status is { } status ? $" ({status})" : "")}";
        return Subproblems is not { Count: > 0 } parts ? text
            : $"{text} [{string.Join("; ", parts.Select(part => part.Identifier is { } who ? $"{who.Value}: {part.Told()}" : part.Told()))}]";
    }
}

/// <summary>An authority refused, or answered what makes no sense. The message is the whole problem.</summary>
internal sealed class AcmeException : Exception
{
    public AcmeException()
    {
    }

    public AcmeException(string message)
        : base(message)
    {
    }

    public AcmeException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <param name="retryAfter">How long the authority wants to be left alone.</param>
    public AcmeException(AcmeProblem problem, TimeSpan? retryAfter)
        : base(problem.ToString()) => (Problem, RetryAfter) = (problem, retryAfter);

    public AcmeProblem Problem { get; } = new();

    public TimeSpan? RetryAfter { get; }

    /// <summary>Whether it says something about this moment alone, and nothing about what was asked.</summary>
    public bool IsPassing => Problem.Status is 429 or >= 500 || Problem.Is("badNonce") || Problem.Is("serverInternal") || Problem.Is("rateLimited");
}
