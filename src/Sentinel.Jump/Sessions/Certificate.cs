namespace Sentinel.Jump.Sessions;

/// <summary>What sshd tells of an SSH certificate by which somebody was let in. Whom it names is not among it.</summary>
/// <param name="Id">Its identity, as its authority wrote it (ssh-keygen(1), -I); by custom the user's name. Empty: not known.</param>
/// <param name="Authority"><c>SHA256:…</c> of its authority's key; empty: not known.</param>
internal sealed record Certificate(string Id, string Authority);
