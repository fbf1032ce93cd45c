using Microsoft.Extensions.Logging;

namespace Sentinel.Jump;

// The files that sshd reads, addresses and keys own event ids 4000–4199.
internal static partial class Log
{
    [LoggerMessage(4000, LogLevel.Information, "Key files are written: {Users} users, {Files} files changed.", EventName = "jump.files.written")]
    public static partial void FilesWritten(ILogger logger, int users, int files);

    [LoggerMessage(4001, LogLevel.Error, "Key files could not be written, so logins go by the old ones: {Why}", EventName = "jump.files.failed")]
    public static partial void FilesFailed(ILogger logger, string why);

    [LoggerMessage(4002, LogLevel.Error, "Writing key files failed by a fault of ours; it goes on.", EventName = "jump.files.fault")]
    public static partial void FilesFault(ILogger logger, Exception exception);

    [LoggerMessage(4003, LogLevel.Error, "The record of backends' stable addresses: {Trouble}. Backends that it does not name get new ones.", EventName = "jump.addresses.damaged")]
    public static partial void AddressesDamaged(ILogger logger, string trouble);

    [LoggerMessage(4004, LogLevel.Warning, "{User} cannot log in under that name here: the machine has an account of that name. Jumping works.", EventName = "jump.login.taken")]
    public static partial void LoginTaken(ILogger logger, string user);

    [LoggerMessage(4005, LogLevel.Warning, "Keys of {User} in {File} cannot be read: {Why}", EventName = "jump.keys.unreadable")]
    public static partial void KeysUnreadable(ILogger logger, string user, string file, string why);

    [LoggerMessage(4006, LogLevel.Error, "The record of users' account numbers: {Trouble}. Users get new ones.", EventName = "jump.logins.damaged")]
    public static partial void LoginsDamaged(ILogger logger, string trouble);

    [LoggerMessage(4010, LogLevel.Information, "A key was made: {File}.", EventName = "jump.key.made")]
    public static partial void KeyMade(ILogger logger, string file);

    [LoggerMessage(4011, LogLevel.Error, "The key {File} could not be made, so nobody can log in: {Why}. Is ssh-keygen (openssh-client) installed?", EventName = "jump.key.failed")]
    public static partial void KeyFailed(ILogger logger, string file, string why);

    [LoggerMessage(4012, LogLevel.Information, "{What} the sentinel's own key for backends.", EventName = "jump.key.rotated")]
    public static partial void KeyRotated(ILogger logger, string what);

    [LoggerMessage(4013, LogLevel.Error, "The agent that has the sentinel's own keys could not be told of a change: ssh-add {Why}. 'systemctl restart sentinel-agent' does.", EventName = "jump.key.agent")]
    public static partial void AgentNotTold(ILogger logger, string why);

    [LoggerMessage(4020, LogLevel.Information, "The host key of {Backend} is {Fingerprint}; it is held to that from now on.", EventName = "jump.hostkey.learnt")]
    public static partial void HostKeyLearnt(ILogger logger, string backend, string fingerprint);

    [LoggerMessage(4022, LogLevel.Error, "The host key of {Backend} could not be looked at by a fault of ours; it is tried again.", EventName = "jump.hostkey.fault")]
    public static partial void HostKeyUnseen(ILogger logger, Exception exception, string backend);

    [LoggerMessage(4021, LogLevel.Warning, "{Backend} shows the host key {Fingerprint}, which is not the one that is known: somebody else answers there, or its disk was made anew. Users are not sent on until 'sentinel ssh-key forget {Backend}'.", EventName = "jump.hostkey.changed")]
    public static partial void HostKeyChanged(ILogger logger, string backend, string fingerprint);
}
