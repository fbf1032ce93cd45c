namespace Sentinel.Jump.Penalties;

/// <summary>A source is not let in for a while.</summary>
/// <param name="For">How long.</param>
/// <param name="Why">As the end of a sentence, for people; names that clients chose are quoted and short.</param>
internal sealed record Refusal(Source Source, TimeSpan For, string Why);
