using Sentinel.Recovery;
using Sentinel.Service.Admin;

namespace Sentinel.Service.Hosting;

/// <summary>Recovery as the composition needs it.</summary>
internal interface IRecoveryRoom : IRecoveryDesk, IAsyncDisposable
{
    /// <summary>First phase of a start or reload: finds out what stands in the way, changes nothing.</summary>
    Task<IRecoveryChange> PrepareAsync(IReadOnlyList<BackendSettings> backends, CancellationToken cancellationToken);

    /// <summary>Stops watching; stops the VMs that are child processes.</summary>
    /// <param name="now">Cancelled: without waiting for them to end by themselves.</param>
    Task StopAsync(CancellationToken now);
}

/// <summary>A change of what recovery looks after that may be committed, or disposed to abandon it.</summary>
internal interface IRecoveryChange : IDisposable
{
    /// <summary>Sentences for the administrator; empty if it can be committed.</summary>
    IReadOnlyList<string> Errors { get; }

    /// <summary>Puts it in force. Cannot fail.</summary>
    void Commit();
}
