using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Relay.Kernel;

// The kernel engine has event ids 1300–1319.
internal static partial class Log
{
    [LoggerMessage(1300, LogLevel.Information, "New connections on {Listener} go to {Targets}.", EventName = "kernel.listener.diverted")]
    public static partial void Diverted(ILogger logger, string listener, string targets);

    [LoggerMessage(1301, LogLevel.Warning, "{Listener} stays in user space: {Reason}.", EventName = "kernel.listener.unfit")]
    public static partial void Unfit(ILogger logger, string listener, string reason);

    [LoggerMessage(1302, LogLevel.Information, "{Count} connections of {Listener} to {Backend} were ended in the kernel: {End}.", EventName = "kernel.connections.ended")]
    public static partial void FlowsEnded(ILogger logger, string listener, int count, BackendId backend, string end);

    [LoggerMessage(1303, LogLevel.Error, "The table {Table} cannot be changed, and new connections may go astray: {Reason}. It is tried again every second.", EventName = "kernel.table.failed")]
    public static partial void TableFailed(ILogger logger, string table, string reason);

    [LoggerMessage(1304, LogLevel.Information, "The table {Table} can be changed again.", EventName = "kernel.table.mended")]
    public static partial void TableMended(ILogger logger, string table);

    [LoggerMessage(1305, LogLevel.Warning, "Somebody has removed the table {Table}; it is put back. A firewall that begins with flush ruleset does that at each reload.", EventName = "kernel.table.lost")]
    public static partial void TableLost(ILogger logger, string table);

    [LoggerMessage(1306, LogLevel.Error, "Looking after connections in the kernel failed; it is tried again.", EventName = "kernel.round.failed")]
    public static partial void RoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(1307, LogLevel.Warning, "{Count} clients learn only when they next send that their connection is gone: {Why}. CAP_NET_RAW lets them be told at once.", EventName = "kernel.clients.not_told")]
    public static partial void ClientsNotTold(ILogger logger, int count, SocketError why);
}
