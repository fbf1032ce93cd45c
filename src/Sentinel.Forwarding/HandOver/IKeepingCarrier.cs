using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.HandOver;

/// <summary>A carrier whose connections can go on in another process, whatever its engine is called there.</summary>
internal interface IKeepingCarrier : ICarrier
{
    /// <summary>Brings to an end what cannot go on in another process, while the rest does not notice; first of all.</summary>
    /// <param name="now">Do not wait for it any longer: it is ended with the carrier.</param>
    Task FinishAsync(CancellationToken now) => Task.CompletedTask;

    /// <summary>
    /// Accepts no more and takes out what it has: connections that relay, and clients that still wait for a backend. Each
    /// is forgotten here without a report to its gate. One that breaks meanwhile is ended and reported. Never throws.
    /// </summary>
    Task<IReadOnlyList<KeptConnection>> TakeOutAsync();

    /// <summary>Goes on with a connection, which it owns from here on.</summary>
    /// <param name="connection">What another process took out.</param>
    /// <param name="rules">From <see cref="Gate.Readmit"/>: whoever goes on with it reports its end.</param>
    void Resume(KeptConnection connection, ListenerRules rules);
}
