namespace Sentinel.Jump.Sshd;

/// <summary>What the private sshd lets some accounts do (sshd_config(5), Match).</summary>
/// <param name="Criteria">Such as <c>User jump</c>.</param>
/// <param name="Lines">In force for those alone.</param>
internal sealed record MatchBlock(string Criteria, IReadOnlyList<string> Lines);
