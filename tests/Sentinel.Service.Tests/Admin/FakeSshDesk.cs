using Sentinel.Backends;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Tests.Admin;

/// <summary>One user, one key.</summary>
internal sealed class FakeSshDesk : ISshDesk
{
    public string? ClientConfigurationOf(string user, bool byLogin, out string? trouble)
    {
        trouble = user == "alice" ? null : "There is no user of that name.";
        return user == "alice" ? $"Host {(byLogin ? "front" : "spot-1")}\n" : null;
    }

    public OwnKeysDocument Keys() => new("ssh-ed25519 AAAA", null);

    public Task<string?> RotateAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(null);

    public Task<string?> FinishAsync(bool anyhow, CancellationToken cancellationToken) => Task.FromResult(anyhow ? null : "No next key was made.");

    public bool ForgetHostKey(BackendId backend) => backend.Name == "spot-1";
}
