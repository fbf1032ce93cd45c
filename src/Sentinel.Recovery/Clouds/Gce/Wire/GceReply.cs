namespace Sentinel.Recovery.Clouds.Gce.Wire;

/// <summary>One HTTP answer, read to its end.</summary>
/// <param name="RetryAfter">When the server wants to be asked again; null if it did not say.</param>
internal sealed record GceReply(int Status, byte[] Body, TimeSpan? RetryAfter)
{
    /// <summary>Whether it is worth another try with the same request.</summary>
    public bool IsTransient => Status >= 500 || Status == 408 || (Status == 429 && RetryAfter is not null);

    public bool IsGood => Status is >= 200 and < 300;
}
