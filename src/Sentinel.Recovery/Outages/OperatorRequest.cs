namespace Sentinel.Recovery.Outages;

/// <summary>What a person may ask of a backend.</summary>
public enum OperatorRequest
{
    /// <summary>Bring it back now, whatever wait is on.</summary>
    Recover,

    /// <summary>Let open connections finish and take no new ones. Lasts, across outages and restarts of the daemon, until resumed.</summary>
    Drain,

    /// <summary>Take connections again.</summary>
    Resume,

    /// <summary>Let go of a held backend: start it.</summary>
    Release,

    /// <summary>Rehearse a preemption: stop it the way its cloud does, and bring it back.</summary>
    Drill,
}
