namespace Sentinel.Forwarding.Listeners;

/// <summary>Accepts on a listening socket, which stays the caller's, until it is disposed: then it accepts no more, but whoever is being accepted just now is still passed on.</summary>
internal interface IAccepting : IDisposable
{
    /// <summary>After the end: when the last connection has been passed on.</summary>
    Task Completion { get; }
}
