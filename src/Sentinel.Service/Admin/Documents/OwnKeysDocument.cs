namespace Sentinel.Service.Admin.Documents;

/// <summary><c>/v1/ssh-key</c>.</summary>
/// <param name="Current">The sentinel's own public key for backends; null: not made yet.</param>
/// <param name="Next">The one that will take its place; null: none will.</param>
internal sealed record OwnKeysDocument(string? Current, string? Next);
