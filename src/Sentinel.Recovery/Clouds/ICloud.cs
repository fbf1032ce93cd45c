using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds;

/// <summary>What recovery asks of a provider of VMs. Thread-safe; each implementation knows one provider.</summary>
internal interface ICloud : IAsyncDisposable
{
    /// <summary>The first part of its instances' names: <c>process</c>, <c>gce</c>.</summary>
    string Provider { get; }

    /// <summary>
    /// Tells what is known of an instance, now and whenever it changes, and again at times although nothing did. Calls come
    /// one at a time for each instance, in the order of events; the observer must be quick.
    /// </summary>
    /// <returns>Ends it; a call that is under way may still finish.</returns>
    IDisposable Watch(InstanceName vm, Action<InstanceReport> observer);

    /// <summary>Looks now instead of at the next round; what is seen comes to the observers.</summary>
    /// <param name="closely">It is about to stop: goes on looking as often as may be, until it does.</param>
    void Refresh(InstanceName vm, bool closely = false);

    /// <summary>Starts a stopped VM and follows the request to its end. Booting takes longer still.</summary>
    /// <param name="requestId">The same VM, stop and attempt always give the same one, so that a repeat starts it at most once.</param>
    /// <returns>Refusals and faults, an unreachable provider included, are values.</returns>
    Task<CloudOutcome> StartAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken);

    /// <summary>Makes a VM that is gone again, under its name. Never while anything else holds one of its data disks.</summary>
    /// <inheritdoc cref="StartAsync"/>
    Task<CloudOutcome> RecreateAsync(InstanceName vm, Recreation from, Guid requestId, CancellationToken cancellationToken) =>
        Task.FromResult(new CloudOutcome(CloudResult.Misconfigured, $"a VM of {Provider} cannot be made again"));

    /// <summary>
    /// Brings a VM that is down up as something else; a later start brings it up as it was, where it then is. Repeats are
    /// harmless. Never while anything else holds one of its disks.
    /// </summary>
    /// <param name="from">How it is made again if it is gone; null: it is not.</param>
    /// <inheritdoc cref="StartAsync"/>
    Task<CloudOutcome> FallBackAsync(InstanceName vm, Fallback to, Recreation? from, Guid requestId, CancellationToken cancellationToken) =>
        Task.FromResult(new CloudOutcome(CloudResult.Misconfigured, $"a VM of {Provider} has no fallbacks"));

    /// <summary>A stop that an earlier daemon asked for was ours too.</summary>
    void Own(InstanceName vm, Guid requestId)
    {
    }

    /// <summary>Stops a VM the way the provider does when it preempts: a moment to finish, then the end.</summary>
    /// <inheritdoc cref="StartAsync"/>
    Task<CloudOutcome> StopAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken);

    /// <summary>Takes a running VM down hard and starts it again.</summary>
    /// <inheritdoc cref="StartAsync"/>
    Task<CloudOutcome> ResetAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken);
}
