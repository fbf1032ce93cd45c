using Microsoft.Extensions.Logging;
using Sentinel.Backends.Progress;

namespace Sentinel.Certificates.Acme;

/// <summary>Sees to it that there is a certificate for each configured set of names, and a newer one in time.</summary>
internal sealed partial class OrderDesk(CertificateBook book, ChallengeBoard board, CertificateMeter meter, string directory, Func<string, bool> isUp, Action<CertificateAlert> alert, LoopRegistry loops, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private const int MostAtOnce = 4;
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestTry = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan AdviceInterval = TimeSpan.FromHours(6);
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromHours(1);

    private readonly string _courses = Path.Combine(directory, "orders");
    private readonly string _accounts = Path.Combine(directory, "accounts");
    private readonly Proofs _proofs = new(board, logger);
    private readonly ExpiryWatch _expiry = new(alert, logger);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<EquatableNames, Course> _byNames = [];
    private readonly List<AcmeClient> _retired = [];
    private AcmeSettings? _settings;
    private AcmeClient[] _clients = [];
    private Uri[] _directories = [];
    private Task _loop = Task.CompletedTask;
    private Task _leaving = Task.CompletedTask;
    private Task _rewriting = Task.CompletedTask;

    /// <summary>Nothing is ordered while accounts get new keys.</summary>
    private Task _keyChange = Task.CompletedTask;

    /// <summary>What is ordered, with when and why not.</summary>
    public IReadOnlyList<(EquatableNames Names, DateTimeOffset Next, string? LastError)> Courses
    {
        get
        {
            lock (_lock)
            {
                return _settings is not { } settings ? [] : [.. _byNames.Values.Select(course => (course.Names, Next(course, book.Of(course.Names, settings.KeyType), settings).At, course.Record.LastError))];
            }
        }
    }

    /// <summary>Puts settings in force; what is under way for names that stay goes on.</summary>
    public void Configure(AcmeSettings? settings)
    {
        EquatableNames[] known;
        lock (_lock)
        {
            if (settings == _settings)
            {
                return;
            }

            known = [.. _byNames.Keys];
        }

        // Read before the lock: whoever asks how things stand does not wait for a disk.
        var wanted = settings?.Names.Select(names => new EquatableNames(names)).ToHashSet() ?? [];
        var courses = wanted.Except(known).Select(names => new Course(names, CourseRecord.Read(_courses, names))).ToArray();
        lock (_lock)
        {
            // Tries that are under way still use them.
            _retired.AddRange(_clients);
            _settings = settings;
            _directories = settings is null ? [] : [.. settings.FallbackDirectories.Prepend(settings.Directory)];
            _clients = settings is null ? [] : [.. _directories.Select((url, index) =>
                new AcmeClient(url, settings.CaFile, settings.Email, index == 0 ? settings.ExternalAccount : null, _accounts, time, logger))];
            foreach (var gone in _byNames.Values.Where(course => !wanted.Contains(course.Names)).ToArray())
            {
                _byNames.Remove(gone.Names);
                _leaving = Task.WhenAll(_leaving, gone.Work);
            }

            foreach (var course in courses)
            {
                _byNames.Add(course.Names, course);
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
            work = [.. _byNames.Values.Select(course => course.Work), _leaving, _keyChange, _rewriting];
        }

        await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var client in _clients.Concat(_retired))
        {
            client.Dispose();
        }

        _stopping.Dispose();
    }

    private async Task KeepAsync()
    {
        using var progress = loops.Add("certificates");
        using var timer = new PeriodicTimer(Round, time);
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                do
                {
                    progress.Beat();
                    Look();
                    await RewriteAsync().ConfigureAwait(false);
                    _expiry.Look(book.All, time.GetUtcNow());
                }
                while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false));
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                Log.RoundFailed(logger, e);
                await Task.Delay(Round, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception)
            {
                // The daemon stops.
                return;
            }
        }
    }

    /// <summary>Begins to write what the disk refused; a disk that hangs keeps only that from going on.</summary>
    private async Task RewriteAsync()
    {
        if (_rewriting is { IsCompleted: true } before)
        {
            _rewriting = book.WriteAgainAsync();
            await before.ConfigureAwait(false);
        }
    }

    private void Look()
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (_settings is not { } settings || !_keyChange.IsCompleted)
            {
                return;
            }

            var again = new List<Course>();
            var working = _byNames.Values.Where(course => !course.Work.IsCompleted).ToList();
            if (working.Count == 0 && _leaving.IsCompleted)
            {
                // Nobody uses those of settings before any more.
                _retired.ForEach(client => client.Dispose());
                _retired.Clear();
            }

            foreach (var course in _byNames.Values.Where(course => course.Work.IsCompleted))
            {
                var held = book.Of(course.Names, settings.KeyType);
                var asks = held?.Source.Origin == CertificateOrigin.Acme && (!ReferenceEquals(held, course.AdvisedFor) || course.AskAt <= now);
                var (authority, due) = Next(course, held, settings);
                var orders = due <= now;

                // Two that prove the same name at once would take each other's answers away.
                if ((asks || orders) && working.Count < MostAtOnce && !working.Any(other => other.Names.Intersect(course.Names).Any()))
                {
                    working.Add(course);
                    course.IsOrdering = !asks;
                    course.Work = asks
                        ? AskAsync(course, Array.Find(_clients, known => known.Directory == course.Record.Directory) ?? _clients[0], held!)
                        : OrderAsync(course, _clients[authority], settings, held);
                }
                else if (course.IsUnkept || (course.Closing is not null && book.IsWritten(course.Names)))
                {
                    again.Add(course);
                }
            }

            if (again.Count > 0)
            {
                var work = KeepAgainAsync(again);
                again.ForEach(course => course.Work = work);
            }
        }
    }

    private (int Authority, DateTimeOffset At) Next(Course course, HeldCertificate? held, AcmeSettings settings) => course.NextOrder(held, settings.KeyType, isUp, _directories);

    private async Task AskAsync(Course course, AcmeClient client, HeldCertificate held)
    {
        await Task.Yield();
        course.AskAt = time.GetUtcNow() + AdviceInterval;
        if (!ReferenceEquals(course.AdvisedFor, held))
        {
            // advice about the certificate before is none about this one
            course.Advice = null;
        }

        try
        {
            var advice = await client.AdviseAsync(held.Leaf, _stopping.Token).ConfigureAwait(false);
            if (advice?.AskAgain is { } pause)
            {
                course.AskAt = time.GetUtcNow() + TimeSpan.FromSeconds(Math.Clamp(pause.TotalSeconds, 60, 86400));
            }

            course.Advice = advice;
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            // What was advised before holds on.
            Log.NoAdvice(logger, client.Directory, course.Names.ToString(), e.Message);
        }
        catch (Exception)
        {
            // The daemon stops.
            return;
        }

        course.AdvisedFor = held;
    }

    private async Task OrderAsync(Course course, AcmeClient client, AcmeSettings settings, HeldCertificate? held)
    {
        await Task.Yield();
        var before = course.Record;
        using var late = new CancellationTokenSource(LongestTry, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, _stopping.Token);
        var (wasUrgent, isSameTry) = (course.Urgent, course.IsLeftOver && before.NextTry > time.GetUtcNow());
        (course.Urgent, course.IsLeftOver, course.Closing) = (false, false, null);

        // What a restart cut short is one try with what goes on with it.
        var failures = isSameTry ? Math.Max(before.Failures, 1) : before.Failures + 1;
        try
        {
            // As after a failure, until it is none: a daemon that dies in the middle must not order again at once.
            await KeepAsync(course, before with { Failures = failures, NextTry = time.GetUtcNow() + Renewal.Pause(failures, Random.Shared.NextDouble()) }).ConfigureAwait(false);
            var certificate = await new Issuance(client, settings, _proofs, time, logger)
                .RunAsync(course.Names, course.Record, record => KeepAsync(course, record), held, mayOrder: !isSameTry, either.Token).ConfigureAwait(false);
            var isWritten = await book.PutAsync(certificate).ConfigureAwait(false);
            if (!certificate.IsValid(time.GetUtcNow()))
            {
                throw new AcmeException($"it is valid from {certificate.NotBefore:u} to {certificate.NotAfter:u}, and this machine takes {time.GetUtcNow():u} for the time; is its clock right?");
            }

            // Until the certificate is on disk, its key is in the record alone.
            var done = new CourseRecord { Names = before.Names, Directory = client.Directory, NextTry = time.GetUtcNow() + Renewal.LeastPause, NotBefore = before.NotBefore };
            course.Closing = isWritten ? null : done;
            await TryKeepAsync(course, isWritten ? done : done with { Order = course.Record.Order, Key = course.Record.Key }).ConfigureAwait(false);
            course.IsOrdering = false;
            meter.CountRenewal(renewed: true);
            Log.Renewed(logger, course.Names.ToString(), client.Directory, certificate.NotAfter);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The next daemon goes on with the order; a try that was cut short is no failure.
            course.Urgent = wasUrgent;
            await TryKeepAsync(course, course.Record with { Failures = before.Failures }).ConfigureAwait(false);
        }
        catch (Exception e) when (e is AcmeException or HttpRequestException or OperationCanceledException)
        {
            await FailAsync(course, client, failures, e is OperationCanceledException ? $"it took longer than {LongestTry.TotalMinutes:0} minutes" : e.Message, (e as AcmeException)?.RetryAfter).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // That is not the authority's doing, and it is over as soon as somebody makes room.
            await FailAsync(course, client, before.Failures, $"the state directory cannot be written, so nothing is ordered: {e.Message} Make room in {directory}, or make it writable.", null).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.RenewalFault(logger, e, course.Names.ToString());
            await FailAsync(course, client, failures, "a fault of ours; the log says which", null).ConfigureAwait(false);
        }

        if (client.ClockAhead.Duration() > ClockTolerance)
        {
            Log.ClockWrong(logger, client.ClockAhead, client.Directory);
        }
    }

    private async Task FailAsync(Course course, AcmeClient client, int failures, string why, TimeSpan? retryAfter)
    {
        course.IsOrdering = false;
        meter.CountRenewal(renewed: false);
        var isFirst = course.Record.LastError is null;
        var now = time.GetUtcNow();
        var record = course.Record.Leaving(client.Directory, retryAfter, now);
        lock (_lock)
        {
            var next = now + Renewal.Pause(failures, Random.Shared.NextDouble());
            record = record with
            {
                Failures = failures,
                NextTry = _settings is null ? next : Renewal.Next(failures, next, Array.ConvertAll(_directories, record.NotBeforeAt)).At,
                LastError = why,
            };
        }

        await TryKeepAsync(course, record).ConfigureAwait(false);
        Log.RenewalFailed(logger, course.Names.ToString(), client.Directory, why, record.NextTry, failures);
        if (isFirst)
        {
            alert(new(now, "renewal_failed", $"no certificate for {course.Names} from {client.Directory}: {why}"));
        }
    }

    /// <summary>What cannot be written is known at least until this daemon ends.</summary>
    private async Task KeepAsync(Course course, CourseRecord record)
    {
        course.Record = record;
        await record.WriteAsync(_courses, course.Names).ConfigureAwait(false);
        course.IsUnkept = false;
    }

    private async Task TryKeepAsync(Course course, CourseRecord record)
    {
        try
        {
            await KeepAsync(course, record).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!course.IsUnkept)
            {
                Log.CourseNotWritten(logger, course.Names.ToString(), e.Message);
            }

            course.IsUnkept = true;
        }
    }

    /// <summary>Writes what the disk refused, and lets an order's key go once its certificate is there.</summary>
    private async Task KeepAgainAsync(IReadOnlyCollection<Course> courses)
    {
        foreach (var course in courses)
        {
            var record = course.Record;
            if (course.Closing is { } closing && book.IsWritten(course.Names))
            {
                (record, course.Closing) = (closing with { Revoked = record.Revoked }, null);
            }

            try
            {
                await TryKeepAsync(course, record).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                Log.RenewalFault(logger, e, course.Names.ToString());
            }
        }
    }
}
