using Microsoft.Extensions.Logging;
using Sentinel.Backends;

namespace Sentinel.Jump;

/// <summary>Sessions, tunnels and penalties: 4400–4599.</summary>
internal static partial class Log
{
    [LoggerMessage(4400, LogLevel.Information, "{Owner} logged in to {Account} from {Peer} with {Fingerprint}.", EventName = "ssh.session_opened")]
    public static partial void SessionOpened(ILogger logger, string owner, string account, string peer, string fingerprint);

    [LoggerMessage(4401, LogLevel.Warning, "The session of {Account} from {Peer} was ended: {Why}.", EventName = "ssh.session_revoked")]
    public static partial void SessionEnded(ILogger logger, string account, string peer, string why);

    [LoggerMessage(4402, LogLevel.Error, "The session of {Account} from {Peer} must end and goes on: {Error}.", EventName = "ssh.session_not_revoked")]
    public static partial void SessionGoesOn(ILogger logger, string account, string peer, string error);

    [LoggerMessage(4403, LogLevel.Information, "{Backend} came anew: its older connection from {Older} made room for the one from {Newer}.", EventName = "ssh.tunnel_superseded")]
    public static partial void TunnelSuperseded(ILogger logger, BackendId backend, string older, string newer);

    [LoggerMessage(4404, LogLevel.Warning, "{Source} is refused by sshd's ports for {For}: {Why}.", EventName = "ssh.source_refused")]
    public static partial void SourceRefused(ILogger logger, string source, TimeSpan @for, string why);

    [LoggerMessage(4405, LogLevel.Warning, "{Source} should be refused ({Why}) and is not: {Error}.", EventName = "ssh.source_not_refused")]
    public static partial void SourceNotRefused(ILogger logger, string source, string why, string error);

    [LoggerMessage(4406, LogLevel.Warning, "{Owner} from {Peer} asked {What}, which is not permitted.", EventName = "ssh.destination_denied")]
    public static partial void Denied(ILogger logger, string owner, string peer, string what);

    [LoggerMessage(4407, LogLevel.Error, "Who is logged in cannot be seen: sshd's log cannot be followed. Trying on.", EventName = "ssh.sessions_unseen")]
    public static partial void SessionsUnseen(ILogger logger, Exception error);

    [LoggerMessage(4408, LogLevel.Warning, "What was read of sshd's log cannot be given back, so the log grows: the daemon must be allowed to write to it.", EventName = "ssh.log_grows")]
    public static partial void LogGrows(ILogger logger);
}
