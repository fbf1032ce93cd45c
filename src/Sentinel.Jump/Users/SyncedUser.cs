using Sentinel.Backends;
using Sentinel.Jump.Keys;

namespace Sentinel.Jump.Users;

/// <summary>A user as a backend names him.</summary>
/// <param name="Name">Matches <see cref="UserName"/>.</param>
/// <param name="Keys">His public keys there.</param>
internal sealed record SyncedUser(string Name, EquatableList<AuthorizedKey> Keys);
