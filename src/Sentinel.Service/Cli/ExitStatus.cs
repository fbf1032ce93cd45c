namespace Sentinel.Service.Cli;

/// <summary>What a command ends with: a contract, see interfaces.</summary>
internal enum ExitStatus
{
    /// <summary>Done.</summary>
    Done = 0,

    /// <summary>Failed while running.</summary>
    Failed = 1,

    /// <summary>Wrong usage or configuration.</summary>
    Usage = 2,

    /// <summary>No daemon answers.</summary>
    NoDaemon = 3,
}

/// <summary>Ends a command with one line on standard error.</summary>
/// <param name="status">What to exit with.</param>
/// <param name="message">What is wrong and what to do next.</param>
internal sealed class CommandFailure(ExitStatus status, string message) : Exception(message)
{
    public ExitStatus Status => status;
}
