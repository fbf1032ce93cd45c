namespace Sentinel.Recovery.Clouds;

/// <summary>What came of a request to a cloud.</summary>
/// <param name="Result">As far as it decides what happens next.</param>
/// <param name="Detail">For people: what the cloud said.</param>
internal readonly record struct CloudOutcome(CloudResult Result, string Detail)
{
    /// <summary>Whether the VM is, or will be, as was asked.</summary>
    public bool IsGood => Result is CloudResult.Done or CloudResult.Already;
}

/// <summary>Kinds of outcome.</summary>
internal enum CloudResult
{
    /// <summary>It was done.</summary>
    Done,

    /// <summary>It was so already.</summary>
    Already,

    /// <summary>The zone has no capacity.</summary>
    NoCapacity,

    /// <summary>A quota is used up.</summary>
    Quota,

    /// <summary>We may not.</summary>
    Forbidden,

    /// <summary>The VM does not exist.</summary>
    NotFound,

    /// <summary>Not in this state, which is about to pass.</summary>
    NotReady,

    /// <summary>What is configured cannot work.</summary>
    Misconfigured,

    /// <summary>The provider cannot be reached or failed, through every retry.</summary>
    Fault,
}

/// <summary>The names that metrics use.</summary>
internal static class CloudResultNames
{
    private static readonly string[] Names =
        ["done", "already", "no_capacity", "quota", "forbidden", "not_found", "not_ready", "misconfigured", "fault"];

    /// <summary>The result's name in snake case.</summary>
    public static string ToName(this CloudResult result) => Names[(int)result];
}
