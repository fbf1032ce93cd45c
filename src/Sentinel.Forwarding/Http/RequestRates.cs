using System.Collections.Concurrent;
using Sentinel.Backends;

namespace Sentinel.Forwarding.Http;

/// <summary>
/// How fast each client of one listener asks. A client may ask a second's worth at once, as a browser does that opens a
/// page, and at the rate from then on. Thread-safe.
/// </summary>
internal sealed class RequestRates(TimeProvider time)
{
    // 32 bytes each. So many clients at once are no matter for a limit per client: those beyond it are let pass.
    private const int MostClients = 100_000;

    // When a client will have used up what it took, if it asks for nothing more: a timestamp.
    private readonly ConcurrentDictionary<ClientAddress, long> _paidUntil = new();

    /// <summary>Counts one request.</summary>
    /// <param name="perSecond">How many are allowed.</param>
    /// <returns>Null if it may pass, which is counted; else when the next one may.</returns>
    public TimeSpan? Take(ClientAddress client, int perSecond)
    {
        var now = time.GetTimestamp();
        var each = time.TimestampFrequency / perSecond;
        var credit = time.TimestampFrequency - each;
        while (true)
        {
            if (!_paidUntil.TryGetValue(client, out var until))
            {
                if (_paidUntil.Count >= MostClients || _paidUntil.TryAdd(client, now + each))
                {
                    return null;
                }
            }
            else if (until - now > credit)
            {
                return time.GetElapsedTime(now, until - credit);
            }
            else if (_paidUntil.TryUpdate(client, Math.Max(until, now) + each, until))
            {
                return null;
            }
        }
    }

    /// <summary>Forgets those who have asked for nothing lately. Called about once a second.</summary>
    public void Forget()
    {
        var now = time.GetTimestamp();
        foreach (var known in _paidUntil)
        {
            if (known.Value <= now)
            {
                _paidUntil.TryRemove(known);
            }
        }
    }
}
