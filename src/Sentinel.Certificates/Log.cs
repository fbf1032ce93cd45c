using Microsoft.Extensions.Logging;

namespace Sentinel.Certificates;

// This room owns event ids 3000–3999. Nothing here may ever take a key, a secret or a file's content.
internal static partial class Log
{
    [LoggerMessage(3000, LogLevel.Information, "{Count} certificates are held in {Directory}.", EventName = "certificate.store.loaded")]
    public static partial void Loaded(ILogger logger, int count, string directory);

    [LoggerMessage(3001, LogLevel.Error, "Certificates in {Directory} cannot be read: {Why}", EventName = "certificate.store.unreadable")]
    public static partial void StoreUnreadable(ILogger logger, string directory, string why);

    [LoggerMessage(3002, LogLevel.Warning, "{File} is left alone: {Why}.", EventName = "certificate.file.unreadable")]
    public static partial void FileUnreadable(ILogger logger, string file, string why);

    [LoggerMessage(3003, LogLevel.Warning, "{File} is torn; what is in force is found from the certificates themselves.", EventName = "certificate.manifest.unreadable")]
    public static partial void ManifestUnreadable(ILogger logger, string file);

    [LoggerMessage(3004, LogLevel.Error, "{Count} certificates (the first for {Names}) are in force but cannot be written to {Directory}, and a restart would lose them: {Why} Make room there, or make it writable; it is tried again every second.", EventName = "certificate.store.failed")]
    public static partial void NotWritten(ILogger logger, int count, string names, string directory, string why);

    [LoggerMessage(3005, LogLevel.Information, "Certificates can be written to {Directory} again.", EventName = "certificate.store.recovered")]
    public static partial void WrittenAgain(ILogger logger, string directory);

    [LoggerMessage(3010, LogLevel.Information, "Registered at {Directory} as {Account}.", EventName = "certificate.account.registered")]
    public static partial void Registered(ILogger logger, Uri directory, string account);

    [LoggerMessage(3011, LogLevel.Warning, "{Directory} no longer knows the account {Account}; registering again.", EventName = "certificate.account.gone")]
    public static partial void AccountGone(ILogger logger, Uri directory, string account);

    [LoggerMessage(3012, LogLevel.Information, "Going on with the order for {Names} from before: {Order}.", EventName = "certificate.order.resumed")]
    public static partial void Resumed(ILogger logger, string names, Uri order);

    [LoggerMessage(3013, LogLevel.Information, "The account at {Directory} has a new key.", EventName = "certificate.account.rolled")]
    public static partial void KeyChanged(ILogger logger, Uri directory);

    [LoggerMessage(3029, LogLevel.Warning, "The certificate {SerialNumber} for {Names} is revoked at {Directory}: {Reason}.", EventName = "certificate.revoked")]
    public static partial void Revoked(ILogger logger, string names, string serialNumber, Uri directory, RevocationReason reason);

    [LoggerMessage(3020, LogLevel.Information, "A certificate for {Names} from {Directory}, until {NotAfter}.", EventName = "certificate.renewed")]
    public static partial void Renewed(ILogger logger, string names, Uri directory, DateTimeOffset notAfter);

    [LoggerMessage(3021, LogLevel.Warning, "No certificate for {Names} from {Directory}: {Why} Next try at {NextTry}, failure {Failures} in a row.", EventName = "certificate.renewal.failed")]
    public static partial void RenewalFailed(ILogger logger, string names, Uri directory, string why, DateTimeOffset nextTry, int failures);

    [LoggerMessage(3022, LogLevel.Error, "Ordering a certificate for {Names} failed by a fault of ours.", EventName = "certificate.renewal.fault")]
    public static partial void RenewalFault(ILogger logger, Exception exception, string names);

    [LoggerMessage(3023, LogLevel.Warning, "The certificate for {Names} ends at {NotAfter}, in {Days} days.", EventName = "certificate.expiring")]
    public static partial void Expiring(ILogger logger, string names, DateTimeOffset notAfter, int days);

    [LoggerMessage(3024, LogLevel.Warning, "This machine's clock is {Off} off the clock of {Directory}: certificates may look expired or not yet valid. Set it right.", EventName = "clock.wrong")]
    public static partial void ClockWrong(ILogger logger, TimeSpan off, Uri directory);

    [LoggerMessage(3025, LogLevel.Error, "A round over all certificates failed; the next one comes.", EventName = "certificate.round.failed")]
    public static partial void RoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(3026, LogLevel.Debug, "{Directory} does not say when to renew {Names}: {Why}", EventName = "certificate.advice.missing")]
    public static partial void NoAdvice(ILogger logger, Uri directory, string names, string why);

    [LoggerMessage(3028, LogLevel.Warning, "Whether {Name} is to be had cannot be seen from here ({Why}); the authority is asked to look all the same.", EventName = "certificate.record.unseen")]
    public static partial void RecordUnseen(ILogger logger, string name, string why);

    [LoggerMessage(3030, LogLevel.Information, "The certificate for {Names} came from {Place}, until {NotAfter}.", EventName = "certificate.synced")]
    public static partial void Synced(ILogger logger, string names, string place, DateTimeOffset notAfter);

    [LoggerMessage(3031, LogLevel.Warning, "Certificates of {Place} could not be fetched, or not all: {Why} What is held stays; next try at {NextTry}.", EventName = "certificate.sync.failed")]
    public static partial void SyncFailed(ILogger logger, string place, string why, DateTimeOffset nextTry);

    [LoggerMessage(3032, LogLevel.Error, "Fetching certificates failed by a fault of ours.", EventName = "certificate.sync.fault")]
    public static partial void SyncRoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(3040, LogLevel.Information, "The certificate for {Names} was given to {Command}.", EventName = "certificate.delivered")]
    public static partial void Delivered(ILogger logger, string names, string command);

    [LoggerMessage(3041, LogLevel.Warning, "The certificate for {Names} could not be given: {Command} {Why}; next try at {NextTry}.", EventName = "certificate.delivery.failed")]
    public static partial void DeliveryFailed(ILogger logger, string names, string command, string why, DateTimeOffset nextTry);

    [LoggerMessage(3042, LogLevel.Error, "Giving certificates away failed; it is tried again.", EventName = "certificate.delivery.fault")]
    public static partial void DeliveryRoundFailed(ILogger logger, Exception exception);

    [LoggerMessage(3027, LogLevel.Error, "The state of the order for {Names} cannot be written, and would be lost by a restart: {Why}", EventName = "certificate.order.unwritten")]
    public static partial void CourseNotWritten(ILogger logger, string names, string why);
}
