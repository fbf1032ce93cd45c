using Sentinel.Backends;
using Sentinel.Jump;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Hosting;

/// <summary>Keys of the jump host as the admin endpoint sees them.</summary>
internal sealed class SshDesk(JumpService jump, string name) : ISshDesk
{
    public string? ClientConfigurationOf(string user, bool byLogin, out string? trouble) => jump.ClientConfigurationOf(user, name, byLogin, out trouble);

    public OwnKeysDocument Keys() => new(jump.UpstreamKeys.Current?.ToString(), jump.UpstreamKeys.Next?.ToString());

    public Task<string?> RotateAsync(CancellationToken cancellationToken) => jump.UpstreamKeys.RotateAsync(cancellationToken);

    public Task<string?> FinishAsync(bool anyhow, CancellationToken cancellationToken) => jump.FinishRotationAsync(anyhow, cancellationToken);

    public bool ForgetHostKey(BackendId backend) => jump.ForgetHostKey(backend);
}
