using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Admin;

// The admin endpoint owns event ids 6100–6149.
internal static partial class Log
{
    [LoggerMessage(6100, LogLevel.Error, "{Method} {Path} failed.", EventName = "admin.request.failed")]
    public static partial void RequestFailed(ILogger logger, Exception exception, string method, string path);

    [LoggerMessage(6101, LogLevel.Information, "An operator asked to {Verb} {Backend}.", EventName = "admin.asked")]
    public static partial void Asked(ILogger logger, string verb, string backend);

    [LoggerMessage(6103, LogLevel.Information, "An operator asked to renew the certificate of {Name}.", EventName = "admin.certificate.asked")]
    public static partial void RenewAsked(ILogger logger, string name);

    [LoggerMessage(6105, LogLevel.Information, "An operator asked to revoke the certificate of {Name}.", EventName = "admin.certificate.revoke.asked")]
    public static partial void RevokeAsked(ILogger logger, string name);

    [LoggerMessage(6106, LogLevel.Information, "An operator asked for new keys of the accounts at authorities.", EventName = "admin.account.key.asked")]
    public static partial void RollKeyAsked(ILogger logger);

    [LoggerMessage(6104, LogLevel.Debug, "{Backend} says that its users changed.", EventName = "admin.resync.asked")]
    public static partial void ResyncAsked(ILogger logger, string backend);

    [LoggerMessage(6102, LogLevel.Information, "Status, metrics and operations on http://{Address}/.", EventName = "admin.listening")]
    public static partial void Listening(ILogger logger, string address);
}
