using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Commands;
using Sentinel.Backends.Files;
using Sentinel.Backends.Progress;
using Sentinel.Jump.Addresses;
using Sentinel.Jump.Files;
using Sentinel.Jump.Keys;

namespace Sentinel.Jump.Upstream;

/// <summary>
/// Host keys of backends, by their names and not by addresses, which change. What a backend first showed, inside the network
/// that the sentinel shares with it, is what it is held to until an operator has it forgotten.
/// </summary>
internal sealed class KnownHosts(JumpPlaces places, PoolTable pools, StableAddresses addresses, RouteMarks marks, LoopRegistry loops, TimeProvider time, ILogger logger)
{
    private const int MostAtOnce = 8;
    private const int LongestAnswer = 64 * 1024;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(10);

    private readonly Dictionary<BackendId, (DateTimeOffset Since, DateTimeOffset Due)> _asked = [];
    private readonly HashSet<BackendId> _changed = [];
    private ImmutableSortedDictionary<string, ImmutableArray<AuthorizedKey>> _keys = ImmutableSortedDictionary.Create<string, ImmutableArray<AuthorizedKey>>(StringComparer.Ordinal);

    /// <summary>Where stable addresses answer.</summary>
    public int Port { get; set; }

    /// <summary>What a backend is held to; empty while nothing is known.</summary>
    public ImmutableArray<AuthorizedKey> Of(BackendId backend) => Volatile.Read(ref _keys).GetValueOrDefault(backend.Name, []);

    /// <summary>Reads what earlier daemons learnt.</summary>
    public void Load()
    {
        try
        {
            Volatile.Write(ref _keys, _keys.SetItems(from line in File.Exists(places.KnownHosts) ? File.ReadAllLines(places.KnownHosts) : []
                                                     let key = AuthorizedKey.TryParse(line)
                                                     where key is not null
                                                     group key by line[..line.IndexOf(' ', StringComparison.Ordinal)] into host
                                                     select KeyValuePair.Create(host.Key, host.ToImmutableArray())));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.FilesFailed(logger, e.Message);
        }
    }

    /// <summary>Forgets a backend's; it is asked anew.</summary>
    public bool Forget(BackendId backend)
    {
        lock (_asked)
        {
            _asked.Remove(backend);
            _changed.Remove(backend);
            marks.SetChanged(backend, false);
            var known = _keys.ContainsKey(backend.Name);
            Keep(_keys.Remove(backend.Name));
            return known;
        }
    }

    /// <summary>Asks every backend that is back, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var loop = loops.Add("jump.known-hosts", Patience * 4);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            loop.Beat();
            await Parallel.ForEachAsync(
                Due(), new ParallelOptions { MaxDegreeOfParallelism = MostAtOnce, CancellationToken = cancellationToken },
                async (backend, token) => await TryAskAsync(backend, token).ConfigureAwait(false)).ConfigureAwait(false);
        }
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
    }

    private List<Backend> Due()
    {
        var now = time.GetUtcNow();
        lock (_asked)
        {
            return [.. pools.Current.Backends.Values
                .Where(backend => backend.TakesNew && addresses.Of(backend.Id) is not null)
                .Where(backend => !_asked.TryGetValue(backend.Id, out var last) || last.Since != backend.HealthySince || last.Due <= now)
                .Take(MostAtOnce * 2)];
        }
    }

    private async Task TryAskAsync(Backend backend, CancellationToken cancellationToken)
    {
        try
        {
            if (addresses.Of(backend.Id) is { } stable)
            {
                await AskAsync(backend, stable, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            Log.HostKeyUnseen(logger, e, backend.Id.Name);
            lock (_asked)
            {
                _asked[backend.Id] = (backend.HealthySince, time.GetUtcNow() + Again);
            }
        }
    }

    private async Task AskAsync(Backend backend, StableAddress stable, CancellationToken cancellationToken)
    {
        var port = Port.ToString(CultureInfo.InvariantCulture);
        var (why, said) = await Command.HearAsync(
            ["ssh-keyscan", "-T", "5", "-p", port, stable.Address.ToString()], Patience, LongestAnswer, time, cancellationToken).ConfigureAwait(false);
        ImmutableArray<AuthorizedKey> shown = why is null ? [.. said.Split('\n').Select(AuthorizedKey.TryParse).OfType<AuthorizedKey>().Distinct().OrderByDescending(key => key.Kind == "ssh-ed25519").ThenBy(key => key.Kind, StringComparer.Ordinal)] : [];
        lock (_asked)
        {
            var known = Of(backend.Id);
            var isChanged = !known.IsEmpty && !shown.IsEmpty && !shown.Any(key => known.Contains(key));
            _asked[backend.Id] = (backend.HealthySince, shown.IsEmpty || isChanged ? time.GetUtcNow() + Again : DateTimeOffset.MaxValue);
            if (!shown.IsEmpty && known.IsEmpty)
            {
                Keep(_keys.SetItem(backend.Id.Name, shown));
                Log.HostKeyLearnt(logger, backend.Id.Name, shown[0].Fingerprint);
            }
            else if (isChanged && _changed.Add(backend.Id))
            {
                Log.HostKeyChanged(logger, backend.Id.Name, shown[0].Fingerprint);
                marks.SetChanged(backend.Id, true);
            }
            else if (!shown.IsEmpty && !isChanged)
            {
                // Also where an earlier daemon said so.
                _changed.Remove(backend.Id);
                marks.SetChanged(backend.Id, false);
            }
        }
    }

    private void Keep(ImmutableSortedDictionary<string, ImmutableArray<AuthorizedKey>> keys)
    {
        Volatile.Write(ref _keys, keys);
        try
        {
            PublicFiles.CreateDirectory(places.Directory);
            DurableFile.WriteForAll(places.KnownHosts, Encoding.UTF8.GetBytes(string.Concat(keys.SelectMany(host => host.Value.Select(key => $"{host.Key} {key}\n")))));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.FilesFailed(logger, e.Message);
        }
    }
}
