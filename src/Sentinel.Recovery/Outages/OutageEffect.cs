namespace Sentinel.Recovery.Outages;

/// <summary>Something to be done, in the order given, after the state was published and the record written.</summary>
internal abstract record OutageEffect;

/// <summary>Asks the cloud to start the instance and answers with <see cref="AttemptAccepted"/> or <see cref="AttemptRefused"/>.</summary>
/// <param name="Ticket">Comes back in the answer; never used twice.</param>
/// <param name="Attempt">Which attempt of this outage, from one. A repeat after a crash has the same number.</param>
/// <param name="Ended">The run that ended: with the attempt it identifies the request.</param>
internal sealed record StartInstance(long Ticket, int Attempt, Incarnation Ended) : OutageEffect;

/// <summary>Asks the cloud to reset the running instance; answered like <see cref="StartInstance"/>.</summary>
/// <param name="Running">The run that is to end.</param>
internal sealed record ResetInstance(long Ticket, int Attempt, Incarnation Running) : OutageEffect;

/// <summary>Asks the cloud to make an instance that is gone again; answered like <see cref="StartInstance"/>.</summary>
internal sealed record RecreateInstance(long Ticket, int Attempt, Incarnation Ended, Recreation From) : OutageEffect;

/// <summary>Asks the cloud to bring the instance up as something else; answered like <see cref="StartInstance"/>.</summary>
/// <param name="As">What it is to be.</param>
/// <param name="From">How it is made again if it is gone; null: it is not.</param>
internal sealed record FallBack(long Ticket, int Attempt, Incarnation Ended, Fallback As, Recreation? From) : OutageEffect;

/// <summary>Asks the cloud to stop the running instance; answered like <see cref="StartInstance"/>.</summary>
/// <param name="Running">The run that is to end.</param>
internal sealed record StopInstance(long Ticket, Incarnation Running) : OutageEffect;

/// <summary>Asks the cloud what became of the instance, without waiting for the next round.</summary>
/// <param name="Closely">It is about to stop: and goes on asking, as often as may be, until it does.</param>
internal sealed record Observe(bool Closely = false) : OutageEffect;

/// <summary>Checks now, without waiting for the interval.</summary>
internal sealed record ProbeNow : OutageEffect;

/// <summary>People who are elsewhere should hear of it.</summary>
/// <param name="Reason">A stable name.</param>
/// <param name="Detail">For people.</param>
internal sealed record TellPeople(OutageAlert Kind, string Reason, string Detail) : OutageEffect;

/// <summary>Something happened that people will want to read: a log line, and a line of the outage's timeline if one is open.</summary>
internal sealed record Noted(OutageEntry Entry) : OutageEffect;
