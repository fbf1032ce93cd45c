namespace Sentinel.Forwarding.Listeners;

/// <summary>
/// The first phase of a change is over: every new address is bound, and nobody can see it yet. Either
/// <see cref="Errors"/> is empty and one of <see cref="Commit"/> and <see cref="Dispose"/> follows, or it is abandoned already.
/// </summary>
public abstract class ListenerChange : IDisposable
{
    /// <summary>Everything that stands in the way.</summary>
    public abstract IReadOnlyList<BindError> Errors { get; }

    /// <summary>Puts the change in force. Cannot fail; a listener that went away drains by itself.</summary>
    /// <exception cref="InvalidOperationException">There are errors, or it was committed or disposed before.</exception>
    public abstract void Commit();

    /// <summary>Abandons a change that was not committed; else does nothing.</summary>
    public abstract void Dispose();
}
