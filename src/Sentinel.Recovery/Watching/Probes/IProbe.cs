namespace Sentinel.Recovery.Watching.Probes;

/// <summary>One way to find out whether a backend answers. Stateless and shared; many checks run at once.</summary>
internal interface IProbe
{
    /// <summary>Checks once, on a connection of its own.</summary>
    /// <param name="host">An IP address or a name.</param>
    /// <param name="cancellationToken">Ends the check; whoever calls does not wait longer than that in any case.</param>
    /// <returns>Null: it passed. Else what was wrong, for people.</returns>
    /// <exception cref="Exception">Any fault of connecting or talking; the caller words it.</exception>
    Task<string?> CheckAsync(string host, CancellationToken cancellationToken);
}
