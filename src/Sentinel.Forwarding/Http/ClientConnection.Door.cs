using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Http;

// How a connection is served without Kestrel's HTTP, and goes on with it.
internal sealed partial class ClientConnection
{
    private Errand? _unfinished;
    private volatile bool _isAtDoor;
    private volatile bool _isHttp2;
    private long _quietSince;

    /// <summary>Its requests are read without Kestrel, until <see cref="GoesOn"/>: what Kestrel would do for it by the clock is done here.</summary>
    /// <param name="requestClose">Asks for its end. Any thread.</param>
    public void IsAtDoor(Action requestClose)
    {
        Volatile.Write(ref _quietSince, Gate.Time.GetTimestamp());
        _isAtDoor = true;
        Served(requestClose);
    }

    /// <summary>
    /// Kestrel reads it from here on, and a request is there or on the way. As at its beginning, that one is still answered: a close
    /// that is or was asked for is repeated when it begins.
    /// </summary>
    /// <param name="unfinished">The request, if it was begun: Kestrel shows it first.</param>
    /// <param name="isHttp2">Whether it is read as HTTP/2: there, nothing need be on the way.</param>
    public void GoesOn(Errand? unfinished, bool isHttp2)
    {
        lock (_lock)
        {
            (_requestClose, _unfinished, _hasAsked, _readSince) = (null, unfinished, false, Gate.Time.GetTimestamp());
        }

        Volatile.Write(ref _quietSince, _readSince);
        (_isAtDoor, _isHttp2) = (false, isHttp2);
    }

    /// <summary>What was begun of the request that Kestrel shows first; null ever after.</summary>
    public Errand? TakeUnfinished() => _unfinished is null ? null : Interlocked.Exchange(ref _unfinished, null);

    /// <summary>
    /// Kestrel's limit between two requests, for those that Kestrel does not have; and the listener's for who has not said a word. Bytes that are no request do not count.
    /// </summary>
    private void CloseIfSilent()
    {
        if (HasRequests || !(_isAtDoor || (_isHttp2 && !_hasAsked)))
        {
            return;
        }

        if (Gate.Time.GetElapsedTime(Volatile.Read(ref _quietSince)) < (!_hasAsked ? Rules.Settings.HeaderTimeout : InnerKestrel.LongestIdle))
        {
            return;
        }

        if (!_hasAsked)
        {
            Note(ConnectionEnd.Idle);
        }

        Close();
    }
}
