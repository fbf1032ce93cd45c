using Microsoft.Extensions.Logging;

namespace Sentinel.Jump;

// Users, key sync, placement and routes own event ids 4200–4399.
internal static partial class Log
{
    [LoggerMessage(4200, LogLevel.Information, "{Backend} names {Users} users: {Added} new, {Removed} gone.", EventName = "users.synced")]
    public static partial void UsersSynced(ILogger logger, string backend, int users, int added, int removed);

    [LoggerMessage(4201, LogLevel.Warning, "Users of {Backend} could not be fetched, or not all, or it could not be given our key: {Why}. What is known stays; next try at {NextTry}.", EventName = "users.sync.failed")]
    public static partial void KeySyncFailed(ILogger logger, string backend, string why, DateTimeOffset nextTry);

    [LoggerMessage(4202, LogLevel.Information, "Users of {Backend} are fetched again.", EventName = "users.sync.works")]
    public static partial void KeySyncWorks(ILogger logger, string backend);

    [LoggerMessage(4203, LogLevel.Error, "Fetching users failed by a fault of ours; it goes on.", EventName = "users.sync.fault")]
    public static partial void KeySyncFault(ILogger logger, Exception exception);

    [LoggerMessage(4204, LogLevel.Error, "Users of {Backend} are in force and could not be kept for the next start: {Why}", EventName = "users.sync.unwritten")]
    public static partial void SyncedNotWritten(ILogger logger, string backend, string why);

    [LoggerMessage(4205, LogLevel.Error, "Users of {Backend} as they were last fetched: {Trouble}.", EventName = "users.sync.damaged")]
    public static partial void SyncedDamaged(ILogger logger, string backend, string trouble);

    [LoggerMessage(4206, LogLevel.Warning, "{User} is at home on {Backend}; what {Others} says of that name does not count.", EventName = "users.clash")]
    public static partial void Clash(ILogger logger, string user, string backend, string others);

    [LoggerMessage(4207, LogLevel.Information, "{Backend} has the sentinel's own key.", EventName = "users.key.given")]
    public static partial void KeyGiven(ILogger logger, string backend);

    [LoggerMessage(4208, LogLevel.Warning, "{Backend} takes no key from us ({Why}): the provision command must give it, or whoever makes the VM.", EventName = "users.key.unwanted")]
    public static partial void KeyNotWanted(ILogger logger, string backend, string why);

    [LoggerMessage(4220, LogLevel.Information, "{User} is placed on {Backend}.", EventName = "users.placed")]
    public static partial void Placed(ILogger logger, string user, string backend);

    [LoggerMessage(4221, LogLevel.Information, "{User} was made on {Backend}.", EventName = "users.provisioned")]
    public static partial void Provisioned(ILogger logger, string user, string backend);

    [LoggerMessage(4222, LogLevel.Warning, "{User} could not be made on {Backend}: {Why}.", EventName = "users.provision.failed")]
    public static partial void ProvisionFailed(ILogger logger, string user, string backend, string why);

    [LoggerMessage(4223, LogLevel.Information, "The placement of {User} was removed.", EventName = "users.unplaced")]
    public static partial void Removed(ILogger logger, string user);

    [LoggerMessage(4224, LogLevel.Error, "The record of placements: {Trouble}. {Count} are known.", EventName = "users.book.damaged")]
    public static partial void BookDamaged(ILogger logger, string trouble, int count);

    [LoggerMessage(4225, LogLevel.Error, "The placement of {User} cannot be recorded: {Why}", EventName = "users.book.unwritten")]
    public static partial void BookNotWritten(ILogger logger, string user, string why);

    [LoggerMessage(4240, LogLevel.Information, "{Network} is reached through {Address}, which is {Backend}.", EventName = "routes.set")]
    public static partial void RouteSet(ILogger logger, string network, string address, string backend);

    [LoggerMessage(4241, LogLevel.Information, "{Network} is no longer reached through {Address}.", EventName = "routes.removed")]
    public static partial void RouteRemoved(ILogger logger, string network, string address);

    [LoggerMessage(4242, LogLevel.Information, "Routes to container networks are not set by the daemon: {Why}. 'sentinel routes' prints them.", EventName = "routes.not-ours")]
    public static partial void RoutesNotOurs(ILogger logger, string why);

    [LoggerMessage(4243, LogLevel.Warning, "Routes to container networks could not be set: {Why}", EventName = "routes.failed")]
    public static partial void RoutesFailed(ILogger logger, string why);

    [LoggerMessage(4244, LogLevel.Error, "Setting routes failed by a fault of ours; it goes on.", EventName = "routes.fault")]
    public static partial void RoutesFault(ILogger logger, Exception exception);
}
