using Sentinel.Backends;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Admin;

/// <summary>What the admin endpoint asks of the jump host's keys.</summary>
internal interface ISshDesk
{
    /// <summary>The ~/.ssh/config that a user needs.</summary>
    /// <param name="byLogin">Whether the user logs in here, or jumps.</param>
    /// <param name="trouble">Why there is none, as a sentence.</param>
    string? ClientConfigurationOf(string user, bool byLogin, out string? trouble);

    /// <summary>The sentinel's own keys for backends.</summary>
    OwnKeysDocument Keys();

    /// <summary>Makes the next one.</summary>
    /// <returns>What went wrong, as a sentence; null if nothing.</returns>
    Task<string?> RotateAsync(CancellationToken cancellationToken);

    /// <summary>Puts the next one in force alone.</summary>
    /// <param name="anyhow">Also where backends do not have it.</param>
    /// <returns>What went wrong, as a sentence; null if nothing.</returns>
    Task<string?> FinishAsync(bool anyhow, CancellationToken cancellationToken);

    /// <summary>Forgets a backend's host key.</summary>
    /// <returns>False if none was known.</returns>
    bool ForgetHostKey(BackendId backend);
}
