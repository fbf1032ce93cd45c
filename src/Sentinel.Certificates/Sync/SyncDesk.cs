using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;

namespace Sentinel.Certificates.Sync;

/// <summary>Fetches from every configured place: at the start, when its VM is back, by interval, and within seconds after a failure.</summary>
internal sealed class SyncDesk(CertificateBook book, CertificateMeter meter, PoolTable pools, LoopRegistry loops, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<SyncSettings, SyncPlace> _places = [];
    private Task _loop = Task.CompletedTask;

    /// <summary>Every place, with how it stands.</summary>
    public IReadOnlyList<SyncStatus> Statuses
    {
        get
        {
            lock (_lock)
            {
                return [.. _places.Values.Select(place => place.Status)];
            }
        }
    }

    /// <summary>Puts settings in force; places that stay keep their pace.</summary>
    public void Configure(IReadOnlyCollection<SyncSettings> settings)
    {
        lock (_lock)
        {
            foreach (var gone in _places.Keys.Except(settings).ToArray())
            {
                _places.Remove(gone);
            }

            foreach (var place in settings)
            {
                _places.TryAdd(place, new(place));
            }
        }
    }

    public void Start() => _loop = KeepAsync();

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        Task[] work;
        lock (_lock)
        {
            work = [.. _places.Values.Select(place => place.Work)];
        }

        await Task.WhenAll(work).ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task KeepAsync()
    {
        using var progress = loops.Add("certificates.sync");
        using var timer = new PeriodicTimer(Round, time);
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                do
                {
                    progress.Beat();
                    Look();
                }
                while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false));
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                Log.SyncRoundFailed(logger, e);
                await Task.Delay(Round, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception)
            {
                // The daemon stops.
                return;
            }
        }
    }

    private void Look()
    {
        var (now, backends) = (time.GetUtcNow(), pools.Current.Backends);
        lock (_lock)
        {
            foreach (var place in _places.Values)
            {
                string? address = null;
                if (place.Settings.Backend is { } id)
                {
                    var backend = backends.GetValueOrDefault(id);
                    var isUp = backend?.Status.Healthy == true;
                    if (isUp && !place.WasUp)
                    {
                        (place.DueAt, place.Failures) = (now, 0);
                    }

                    place.WasUp = isUp;
                    address = backend?.Address;
                    if (!isUp || address is null)
                    {
                        // A VM that is away is no failure of fetching; what it gave is held.
                        continue;
                    }
                }

                if (place.DueAt <= now && place.Work.IsCompleted)
                {
                    place.Work = FetchAsync(place, address);
                }
            }
        }
    }

    private async Task FetchAsync(SyncPlace place, string? address)
    {
        await Task.Yield();
        SyncOutcome outcome;
        try
        {
            outcome = address is null ? DirectorySource.Read(place.Settings.Directory!) : await BackendSource.FetchAsync(place.Settings, address, time, _stopping.Token).ConfigureAwait(false);
            var taken = await book.OfferAsync(outcome.Certificates).ConfigureAwait(false);
            foreach (var certificate in taken)
            {
                Log.Synced(logger, certificate.Names.ToString(), place.Name, certificate.NotAfter);
            }
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            Log.SyncRoundFailed(logger, e);
            outcome = SyncOutcome.Failed("a fault of ours; the log says which");
        }
        catch (Exception)
        {
            return;
        }

        var now = time.GetUtcNow();
        if (outcome.Why is { } why)
        {
            var pause = FirstPause * Math.Pow(2, Math.Min(place.Failures, 20));
            pause = pause < place.Settings.Interval ? pause : place.Settings.Interval;
            place.Failures++;
            place.DueAt = now + pause;
            meter.CountSyncFailure(place.Settings);
            if (why != place.LastError)
            {
                Log.SyncFailed(logger, place.Name, why, place.DueAt);
            }
        }
        else
        {
            (place.Failures, place.LastSuccess, place.DueAt) = (0, now, now + place.Settings.Interval);
        }

        place.LastError = outcome.Why;
    }
}
