using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Jump.KeySync;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Placement;

/// <summary>
/// Places users on backends. Choosing and recording happen one at a time, so that two who ask at once never see the same room. Each
/// wish is recorded before the operator's program runs, and the same again completes what was interrupted. Thread-safe.
/// </summary>
public sealed class PlacementDesk : IAsyncDisposable
{
    private readonly UserDirectory _users;
    private readonly PlacementBook _book;
    private readonly Provisioning _provisioning;
    private readonly KeySyncDesk _keySync;
    private readonly PoolTable _pools;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private volatile JumpSettings? _settings;

    /// <param name="ownKeys">The sentinel's own public keys, the newest last.</param>
    internal PlacementDesk(string directory, UserDirectory users, KeySyncDesk keySync, Func<IReadOnlyList<string>> ownKeys, PoolTable pools, TimeProvider time, ILogger logger)
    {
        (_users, _keySync, _pools, _time, _logger) = (users, keySync, pools, time, logger);
        _book = new(directory, logger);
        _provisioning = new(() => ownKeys() is [.., var newest] ? newest : "", time);
    }

    /// <summary>Every user, by name.</summary>
    public IReadOnlyList<UserPlacement> Users => [.. _users.Standings.Values.Select(UserPlacement.Of)];

    /// <summary>Every backend on which users are placed, by name.</summary>
    public IReadOnlyList<BackendPlacement> Backends =>
        [.. Candidates().Select(one => new BackendPlacement(one.Id, one.Users, one.Capacity, one.Load, one.Unfitness == 0)).OrderBy(one => one.Backend.Name, StringComparer.Ordinal)];

    /// <summary>How many users are at home on each backend.</summary>
    public IReadOnlyDictionary<BackendId, int> Counts =>
        _users.Users.Values.Where(user => user.Backend is not null).GroupBy(user => user.Backend!.Value).ToDictionary(group => group.Key, group => group.Count());

    /// <summary>Places a user, and has the operator's program make him there. The same again changes nothing, or completes what failed.</summary>
    /// <param name="user">His name.</param>
    /// <param name="backend">Where; null: where he is, else where the load is lowest.</param>
    /// <param name="cancellationToken">Ends the waiting; what was begun goes on.</param>
    public async Task<PlacementOutcome> PlaceAsync(string user, BackendId? backend, CancellationToken cancellationToken)
    {
        try
        {
            return await PlaceAsync(user, backend).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return new(PlacementResult.NotProvisioned, "The daemon stops; the same command again, once it is back, completes it.", Now(user));
        }
    }

    /// <summary>Forgets a user's placement. On the VM nothing is done.</summary>
    public async Task<PlacementOutcome> RemoveAsync(string user, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_book.Records.ContainsKey(user))
            {
                return _users.Standings.GetValueOrDefault(user) switch
                {
                    { Source: HomeSource.File } standing => new(PlacementResult.Refused, $"{user} is placed by the file; take ssh.users.{user}.backend out of it.", UserPlacement.Of(standing)),
                    { Source: HomeSource.Backend } standing => new(PlacementResult.Unknown, $"No placement of {user} is recorded: {standing.User.Backend} names the user itself.", UserPlacement.Of(standing)),
                    _ => new(PlacementResult.Unknown, "No such user is placed; 'sentinel users' lists those that are."),
                };
            }

            if (await RecordAsync(user, null).ConfigureAwait(false) is { } failure)
            {
                return failure;
            }

            Log.Removed(_logger, user);
            return Done(user, $"The placement of {user} is removed.");
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Whoever waits is told; programs of the operator's are ended, and the same wish completes it another time.
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _provisioning.DrainAsync().ConfigureAwait(false);
    }

    internal void Load() => _book.Load();

    /// <param name="settings">Null: nobody is placed; what is on record stays there.</param>
    internal void Configure(JumpSettings? settings)
    {
        _settings = settings;
        _users.Place(settings is null ? ImmutableDictionary<string, PlacementRecord>.Empty : _book.Records);
    }

    private async Task<PlacementOutcome> PlaceAsync(string user, BackendId? backend)
    {
        if (_settings is not { } settings)
        {
            return new(PlacementResult.Refused, "Users are placed where there is a section ssh in the configuration, and there is none.");
        }

        if (!UserName.IsRight(user))
        {
            return new(PlacementResult.BadName, $"That is not {UserName.Expected}.");
        }

        if (LocalAccounts.Read(settings.Account, settings.TunnelAccount).Contains(user))
        {
            return new(PlacementResult.BadName, $"{user} is an account of this machine; users of the jump host need names of their own.");
        }

        await _gate.WaitAsync(_stopping.Token).ConfigureAwait(false);
        PlacementOutcome? settled;
        try
        {
            settled = await SettleAsync(user, backend, settings).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }

        return settled ?? await ProvisionAsync(user, settings).ConfigureAwait(false);
    }

    /// <summary>Finds the place and records it.</summary>
    /// <returns>Null if the operator's program is to run.</returns>
    private async Task<PlacementOutcome?> SettleAsync(string user, BackendId? wanted, JumpSettings settings)
    {
        var (standing, snapshot) = (_users.Standings.GetValueOrDefault(user), _pools.Current);
        var written = standing?.Source == HomeSource.File ? standing.User.Backend : null;
        if (wanted is { } named && !snapshot.Backends.ContainsKey(named))
        {
            return new(PlacementResult.Unknown, "No backend has that name; /status lists them.");
        }

        if (written is not null && wanted is not null && wanted != written)
        {
            return new(PlacementResult.Refused, $"{user} is placed on {written} by the file; change ssh.users.{user}.backend there.", UserPlacement.Of(standing!));
        }

        var record = standing?.Record is { } kept && snapshot.Backends.ContainsKey(kept.Backend) ? kept : null;
        if (record is not null && (wanted ?? written ?? record.Backend) == record.Backend)
        {
            return record.IsProvisioned ? Done(user, $"{user} is on {record.Backend} already.") : null;
        }

        var home = standing?.User.Backend;
        var target = wanted ?? home ?? Candidate.Choose(Candidates())?.Id;
        if (target is not { } chosen)
        {
            return new(PlacementResult.Refused, $"There is no backend to place {user} on.");
        }

        // Whom a VM names itself it has made; and going back to where one still is needs nothing.
        var isThere = wanted is null && standing?.Source == HomeSource.Backend;
        var isBack = standing?.Record is { IsProvisioned: false, From: { } from } && from == chosen;
        var isMade = standing?.Record is null or { IsProvisioned: true } or { From: not null };
        var next = new PlacementRecord
        {
            Backend = chosen,
            At = _time.GetUtcNow(),
            IsByHand = wanted is not null,
            IsProvisioned = settings.Provision.Count == 0 || isThere || isBack,
            From = isMade && home != chosen ? home : null,
        };
        if (await RecordAsync(user, next).ConfigureAwait(false) is { } failure)
        {
            return failure;
        }

        Log.Placed(_logger, user, chosen.Name);
        return next.IsProvisioned ? Done(user, $"{user} is placed on {chosen}.") : null;
    }

    private async Task<PlacementOutcome> ProvisionAsync(string user, JumpSettings settings)
    {
        while (_book.Records.GetValueOrDefault(user) is { IsProvisioned: false } record)
        {
            using var turn = await _provisioning.EnterAsync(record.Backend, _stopping.Token).ConfigureAwait(false);
            if (_book.Records.GetValueOrDefault(user) != record)
            {
                // Somebody who asked for the same was first, or for another.
                continue;
            }

            if (!_pools.Current.Backends.TryGetValue(record.Backend, out var backend))
            {
                return new(PlacementResult.Refused, $"{record.Backend} was taken out of the configuration meanwhile.");
            }

            var (why, said) = settings.Provision.Count == 0 ? new(null, "")
                : await _provisioning.RunAsync(settings.Provision, settings.ProvisionTimeout, user, backend, _stopping.Token).ConfigureAwait(false);
            if (why is not null)
            {
                Log.ProvisionFailed(_logger, user, record.Backend.Name, why);
                return new(
                    PlacementResult.NotProvisioned, $"{user} is recorded on {record.Backend}, but {Path.GetFileName(settings.Provision[0])} {why}; the same command again completes it.",
                    Now(user), said);
            }

            return await ConcludeAsync(user, record, said).ConfigureAwait(false);
        }

        return Now(user) is { Backend: { } home } ? Done(user, $"{user} is on {home} already.")
            : new(PlacementResult.Refused, $"The placement of {user} was removed meanwhile.", Now(user));
    }

    private async Task<PlacementOutcome> ConcludeAsync(string user, PlacementRecord record, string said)
    {
        await _gate.WaitAsync(_stopping.Token).ConfigureAwait(false);
        try
        {
            if (_book.Records.GetValueOrDefault(user) != record)
            {
                return new(PlacementResult.Refused, $"{user} was made on {record.Backend}, and placed otherwise meanwhile.", Now(user), said);
            }

            if (await RecordAsync(user, record with { IsProvisioned = true, From = null }).ConfigureAwait(false) is { } failure)
            {
                return failure with { Output = said };
            }

            Log.Provisioned(_logger, user, record.Backend.Name);
            return Done(user, $"{user} is placed on {record.Backend}.") with { Output = said };
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <returns>Null if it is written.</returns>
    private async Task<PlacementOutcome?> RecordAsync(string user, PlacementRecord? record)
    {
        try
        {
            await _book.PutAsync(user, record).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.BookNotWritten(_logger, user, e.Message);
            return new(PlacementResult.Unwritten, $"The placement of {user} cannot be recorded, and nothing changed: {e.Message}", Now(user));
        }

        _users.Place(_book.Records);
        return null;
    }

    private PlacementOutcome Done(string user, string what) => new(PlacementResult.Done, what, Now(user));

    private UserPlacement? Now(string user) => _users.Standings.GetValueOrDefault(user) is { } standing ? UserPlacement.Of(standing) : null;

    private IEnumerable<Candidate> Candidates()
    {
        var (snapshot, standings, told) = (_pools.Current, _users.Standings.Values, _keySync.Statuses.ToDictionary(status => status.Backend));
        IEnumerable<Backend> members = _settings is not { } settings ? []
            : settings.Pool is { } pool ? snapshot.Pools.GetValueOrDefault(pool)?.Members ?? []
            : snapshot.Backends.Values;
        var homes = standings.ToLookup(standing => standing.Pending ?? standing.User.Backend);
        return members.Select(backend => new Candidate
        {
            Id = backend.Id,
            Users = homes[backend.Id].Count(),
            Capacity = backend.Definition.Capacity,
            Priority = backend.Definition.Priority,
            Reported = told.GetValueOrDefault(backend.Id)?.Load,
            PlacedSince = homes[backend.Id].Count(standing => standing.Record?.At >= told.GetValueOrDefault(backend.Id)?.LoadAt),
            Status = backend.Status,
        });
    }
}
