using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Daemons;
using Sentinel.Backends.Files;
using Sentinel.Backends.Progress;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.KeySync;

/// <summary>
/// Fetches the users of backends and gives backends the sentinel's own key: at the start, when a backend is back, when it says that
/// its users changed, by interval, and soon after a failure.
/// </summary>
public sealed class KeySyncDesk : IAsyncDisposable
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);

    /// <summary>A disk that hangs must not keep a backend from being asked again: who it no longer names must be out.</summary>
    private static readonly TimeSpan DiskPatience = TimeSpan.FromSeconds(5);

    private readonly UserDirectory _users;
    private readonly SyncedUsers _kept;
    private readonly Func<IReadOnlyList<string>> _ownKeys;
    private readonly PoolTable _pools;
    private readonly LoopRegistry _loops;
    private readonly JumpMeter _meter;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly DiskQueue _disk = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<BackendId, KeySyncPlace> _places = [];
    private KeySyncSettings? _settings;
    private string[] _accounts = [];
    private Task _loop = Task.CompletedTask;

    /// <param name="ownKeys">The sentinel's own public keys, the newest last. Whoever changes them says so by <see cref="Resync"/>.</param>
    internal KeySyncDesk(string directory, UserDirectory users, Func<IReadOnlyList<string>> ownKeys, JumpMeter meter, PoolTable pools, LoopRegistry loops, TimeProvider time, ILogger logger)
    {
        (_users, _meter, _pools, _loops, _time, _logger) = (users, meter, pools, loops, time, logger);
        (_kept, _ownKeys) = (new(directory, logger), ownKeys);
    }

    /// <summary>Every backend that is asked, with how it stands, by name.</summary>
    public IReadOnlyList<KeySyncStatus> Statuses
    {
        get
        {
            lock (_lock)
            {
                return [.. _places.Values.Select(place => place.Status).OrderBy(status => status.Backend.Name, StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>A backend's users changed: they are fetched at once, and once more if they are being fetched already.</summary>
    /// <returns>False if it is none whose users are fetched.</returns>
    public bool Resync(BackendId backend)
    {
        lock (_lock)
        {
            if (!_places.TryGetValue(backend, out var place))
            {
                return false;
            }

            place.IsWanted = true;
            Look(place);
            return true;
        }
    }

    /// <summary>Whether a backend took one of the sentinel's own keys; null: it is none that is given any.</summary>
    internal bool? HasTaken(BackendId backend, string key)
    {
        lock (_lock)
        {
            return _places.TryGetValue(backend, out var place) ? place.Taken.Contains(key) : null;
        }
    }

    /// <inheritdoc/>
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

        // What is still to be written is the last that is known: who it no longer names must not be back after the restart.
        await Task.WhenAny(_disk.RunAsync(() => { }), Task.Delay(DiskPatience, _time)).ConfigureAwait(false);
        _stopping.Dispose();
    }

    /// <summary>Puts settings in force. Backends that stay keep their pace and their users; those that go are forgotten.</summary>
    /// <param name="settings">Null: nobody is asked.</param>
    internal void Configure(JumpSettings? settings, IReadOnlyCollection<BackendId> backends)
    {
        var asked = settings?.KeySync is null ? [] : backends.ToHashSet();
        BackendId[] known;
        lock (_lock)
        {
            known = [.. _places.Keys];
        }

        // Read before the lock: whoever asks how things stand does not wait for a disk.
        var kept = asked.Except(known).ToDictionary(id => id, _kept.Read);
        lock (_lock)
        {
            var isMoved = _settings?.Endpoint != settings?.KeySync?.Endpoint;
            (_settings, _accounts) = (settings?.KeySync, settings is null ? [] : [settings.Account, settings.TunnelAccount]);
            foreach (var gone in _places.Keys.Where(id => !asked.Contains(id)).ToArray())
            {
                _places.Remove(gone);
                _users.Forget(gone);
            }

            foreach (var id in asked)
            {
                if (_places.TryAdd(id, new(id)))
                {
                    _meter.Expect(id);
                    if (kept.GetValueOrDefault(id) is { } users)
                    {
                        _users.Name(id, users);
                        (_places[id].Known, _places[id].IsKept, _places[id].Status) = (users, true, new() { Backend = id, Users = users.Count });
                    }
                }
                else if (isMoved)
                {
                    (_places[id].DueAt, _places[id].Failures) = (default, 0);
                }
            }
        }

        _ = _disk.RunAsync(ForgetOthers);
    }

    internal void Start() => _loop = KeepAsync();

    private async Task KeepAsync()
    {
        using var progress = _loops.Add("ssh.keysync");
        using var timer = new PeriodicTimer(Round, _time);
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                do
                {
                    progress.Beat();
                    lock (_lock)
                    {
                        foreach (var place in _places.Values)
                        {
                            Look(place);
                        }
                    }
                }
                while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false));
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                Log.KeySyncFault(_logger, e);
                await Task.Delay(Round, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception)
            {
                // The daemon stops.
                return;
            }
        }
    }

    /// <summary>Begins to fetch if that is due. Called under the lock.</summary>
    private void Look(KeySyncPlace place)
    {
        var (now, backend) = (_time.GetUtcNow(), _pools.Current.Backends.GetValueOrDefault(place.Backend));
        var isUp = backend?.Status.Healthy == true;
        if (isUp && !place.WasUp)
        {
            (place.DueAt, place.Failures, place.Offered, place.Taken) = (now, 0, [], []);
        }

        place.WasUp = isUp;
        if (_settings is not { } settings || _stopping.IsCancellationRequested || !place.Work.IsCompleted || backend?.Address is not { } address)
        {
            return;
        }

        // A VM that is away is no failure of fetching: what it said counts on. One that says something is not away, whatever the checks say yet.
        if (place.IsWanted || (isUp && place.DueAt <= now))
        {
            place.IsWanted = false;
            place.Work = FetchAsync(place, settings, address, _ownKeys());
        }
    }

    private async Task FetchAsync(KeySyncPlace place, KeySyncSettings settings, string address, IReadOnlyList<string> ownKeys)
    {
        await Task.Yield();
        string? why;
        try
        {
            var fetching = await FetchUsersAsync(place, settings.Endpoint, address).ConfigureAwait(false);
            var giving = await OwnKeys.GiveAsync(ownKeys, place, settings.Endpoint, address, _time, _logger, _stopping.Token).ConfigureAwait(false);
            why = fetching ?? giving;
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            Log.KeySyncFault(_logger, e);
            why = "a fault of ours; the log says which";
        }
        catch (Exception)
        {
            return;
        }

        lock (_lock)
        {
            Conclude(place, settings, why);
        }
    }

    private void Conclude(KeySyncPlace place, KeySyncSettings settings, string? why)
    {
        var (now, before) = (_time.GetUtcNow(), place.Status.LastError);
        if (why is not null)
        {
            var pause = FirstPause * Math.Pow(2, Math.Min(place.Failures, 20));
            place.Failures++;
            place.DueAt = now + (pause < settings.Interval ? pause : settings.Interval);
            place.Status = place.Status with { LastError = why };
            _meter.CountSyncFailure(place.Backend);
            if (why != before)
            {
                Log.KeySyncFailed(_logger, place.Backend.Name, why, place.DueAt);
            }
        }
        else
        {
            (place.Failures, place.DueAt) = (0, now + settings.Interval);
            place.Status = place.Status with { LastError = null, LastSuccess = now };
            if (before is not null)
            {
                Log.KeySyncWorks(_logger, place.Backend.Name);
            }
        }

        if (place.IsWanted)
        {
            // This task is not completed yet: what follows it must not wait for the next round.
            place.Work = Task.CompletedTask;
            Look(place);
        }
    }

    /// <returns>What went wrong, as a sentence without its end.</returns>
    private async Task<string?> FetchUsersAsync(KeySyncPlace place, DaemonEndpoint endpoint, string address)
    {
        var url = endpoint.At(address);
        var (body, error) = await DaemonClient.AskAsync(endpoint, url, content: null, _time, _stopping.Token).ConfigureAwait(false);
        if (body is null)
        {
            return error;
        }

        var local = LocalAccounts.Read(_accounts);
        if (KeyAnswer.Read(body, local.Contains, out var why) is not { } answer)
        {
            return $"{url} {why}";
        }

        bool isNews;
        var writing = Task.CompletedTask;
        lock (_lock)
        {
            if (!IsAsked(place))
            {
                // Taken out of the configuration meanwhile.
                return null;
            }

            isNews = Take(place, answer);
            if (isNews && !place.IsQueued)
            {
                // At most one is being written, and one stands behind it.
                (place.IsQueued, place.Writing) = (true, _disk.RunAsync(() => Keep(place)));
            }

            writing = place.Writing;
        }

        if (isNews)
        {
            await Task.WhenAny(writing, Task.Delay(DiskPatience, _time, _stopping.Token)).ConfigureAwait(false);
        }

        return answer.Refused is { } refused ? $"{url} {refused}" : null;
    }

    /// <returns>Whether it is to be written.</returns>
    private bool Take(KeySyncPlace place, KeyAnswer answer)
    {
        var isSame = answer.Users.Equals(place.Known);
        if (!isSame)
        {
            var (old, now) = ((place.Known ?? []).Select(user => user.Name).ToHashSet(), answer.Users.Select(user => user.Name).ToHashSet());
            Log.UsersSynced(_logger, place.Backend.Name, now.Count, now.Except(old).Count(), old.Except(now).Count());
        }

        // Whoever is no longer named must be out even if the disk is full.
        place.Known = answer.Users;
        _users.Name(place.Backend, answer.Users);
        place.IsKept &= isSame;
        place.Status = place.Status with { Users = answer.Users.Count, Load = answer.Load, LoadAt = answer.Load is null ? null : _time.GetUtcNow() };
        return !place.IsKept;
    }

    private void Keep(KeySyncPlace place)
    {
        EquatableList<SyncedUser> users;
        lock (_lock)
        {
            place.IsQueued = false;
            if (!IsAsked(place))
            {
                return;
            }

            users = place.Known!;
        }

        var isKept = _kept.Write(place.Backend, users);
        lock (_lock)
        {
            // What came meanwhile is not.
            place.IsKept = isKept && ReferenceEquals(users, place.Known);
        }
    }

    /// <summary>In its turn among the writes: what one of them still wrote of a backend that has gone, goes with it.</summary>
    private void ForgetOthers()
    {
        HashSet<BackendId> asked;
        lock (_lock)
        {
            asked = [.. _places.Keys];
        }

        _kept.Keep(asked);
    }

    // Under the lock.
    private bool IsAsked(KeySyncPlace place) => _places.GetValueOrDefault(place.Backend) == place;
}
