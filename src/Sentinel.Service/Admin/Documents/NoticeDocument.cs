namespace Sentinel.Service.Admin.Documents;

/// <summary>What a VM posts when it is told that it will be preempted.</summary>
/// <param name="Instance">As the configuration writes it.</param>
/// <param name="At">When it was told, by its own clock; now, if it does not say.</param>
internal sealed record NoticeDocument(string? Instance, DateTimeOffset? At);
