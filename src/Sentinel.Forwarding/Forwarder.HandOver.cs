using System.Collections.Immutable;
using Sentinel.Backends;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Listeners;
using Log = Sentinel.Forwarding.HandOver.Log;

namespace Sentinel.Forwarding;

// What goes from one process to the next.
public sealed partial class Forwarder
{
    /// <summary>
    /// Stops, so that the next process goes on. Nothing is refused: listening sockets stay open in the store, and who
    /// connects meanwhile waits in the kernel. First the connections that cannot be kept (HTTP) finish, under the drain
    /// time of their listener, while the others do not notice. Then those are left to the next process. Whoever calls
    /// this ends the process at once when it returns: until the next one runs, kept connections stand still.
    /// Where there is no store it is <see cref="StopAsync"/>.
    /// </summary>
    /// <param name="last">What else there is to do in this process: called when the others have finished and before the kept connections stand still.</param>
    /// <param name="now">Ends what cannot be kept at once.</param>
    public async Task HandOverAsync(Func<Task> last, CancellationToken now)
    {
        if (_keeping.IsPossible && StopWhatCannotBeKept())
        {
            await Task.WhenAll(DepartedAsync(departure => !CanBeKept(departure.Listener), now), FinishAsync(now)).ConfigureAwait(false);
            await last().ConfigureAwait(false);
            await LeaveAsync().ConfigureAwait(false);
            await _keeping.SettleAsync().ConfigureAwait(false);
        }
        else
        {
            await StopAsync(now).ConfigureAwait(false);
            await last().ConfigureAwait(false);
        }
    }

    /// <returns>False if the forwarder stops already.</returns>
    private bool StopWhatCannotBeKept()
    {
        lock (_lock)
        {
            if (_stopping)
            {
                return false;
            }

            _stopping = true;
            foreach (var departure in _departures.Where(departure => !CanBeKept(departure.Listener)))
            {
                departure.Limit();
            }

            foreach (var listener in _current.Listeners.Where(listener => !CanBeKept(listener)))
            {
                foreach (var address in listener.Settings.Bind)
                {
                    _current.Bound[address].Take();
                }

                Depart(listener, isGone: true);
            }

            return true;
        }
    }

    private Task FinishAsync(CancellationToken now) => Task.WhenAll(_current.Listeners.Where(CanBeKept).Select(async listener =>
    {
        using var limit = new CancellationTokenSource(listener.Settings.Drain, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, now);
        await ((IKeepingCarrier)listener.Carrier).FinishAsync(either.Token).ConfigureAwait(false);
    }));

    private async Task LeaveAsync()
    {
        ImmutableArray<Listener> listeners = [.. _current.Listeners.Where(CanBeKept)];
        IKeepingCarrier[] carriers;
        lock (_lock)
        {
            carriers = [.. listeners.Concat(_departures.Select(departure => departure.Listener).Where(CanBeKept)).Select(listener => (IKeepingCarrier)listener.Carrier)];
        }

        var taken = await Task.WhenAll(carriers.Select(carrier => carrier.TakeOutAsync())).ConfigureAwait(false);
        _keeping.Leave([.. taken.SelectMany(connections => connections)]);
        lock (_lock)
        {
            foreach (var bound in _current.Bound.Values)
            {
                bound.Close(); // here; in the store they stay open
            }

            foreach (var listener in listeners)
            {
                Depart(listener, isGone: true);
            }
        }

        // What could not be taken out would only keep the others waiting.
        await DepartedAsync(_ => true, new CancellationToken(canceled: true)).ConfigureAwait(false);
    }

    /// <summary>Whether its connections can go on in the next process: those of an older carrier too, which a reload has replaced.</summary>
    private bool CanBeKept(Listener listener) =>
        listener.Carrier is IKeepingCarrier && _current.Find(listener.Settings.Name) is { Carrier: IKeepingCarrier };

    /// <summary>Goes on with what the process before left. Under the lock, once, when the first listeners are in force.</summary>
    private void TakeOver(ListenerSet listeners)
    {
        _keeping.ForgetUnclaimed();
        foreach (var connections in _keeping.Receive().GroupBy(connection => connection.Listener))
        {
            if (listeners.Find(connections.Key) is { Carrier: IKeepingCarrier carrier } listener)
            {
                foreach (var connection in connections)
                {
                    carrier.Resume(connection, listener.Gate.Readmit(connection.IsUnknown ? null : ClientAddress.Of(connection.Client.Address)));
                }
            }
            else
            {
                Log.Unwanted(_logger, connections.Count(), connections.Key);
                foreach (var connection in connections)
                {
                    connection.Reset();
                }
            }
        }
    }

    private void Keep(ListenerSet next)
    {
        foreach (var (address, bound) in next.Bound)
        {
            if (address.EndPoint is { } endPoint && !_current.Bound.ContainsKey(address))
            {
                _keeping.Keep(endPoint, bound.Sockets[0]);
            }
        }
    }

    private void Close(Bound bound)
    {
        bound.Close();
        if (bound.Address.EndPoint is { } endPoint)
        {
            _keeping.Forget(endPoint);
        }
    }
}
