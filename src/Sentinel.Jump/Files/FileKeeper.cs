using System.Text;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Files;
using Sentinel.Backends.Progress;
using Sentinel.Jump.Addresses;
using Sentinel.Jump.Users;

namespace Sentinel.Jump.Files;

/// <summary>Writes what sshd and the route read, soon after anything of it changed, and again until it could be written.</summary>
internal sealed class FileKeeper(JumpPlaces places, UserDirectory users, StableAddresses addresses, LoopRegistry loops, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly PublicFiles _files = new();
    private readonly LoginAccounts _accounts = new(places, logger);
    private volatile Plan _plan = new(null, []);
    private int _isStale = 1;
    private string? _trouble;
    private (string Path, string Text)? _written;

    /// <summary>Something changed.</summary>
    public void Invalidate() => Volatile.Write(ref _isStale, 1);

    /// <summary>Puts settings in force.</summary>
    public void Configure(JumpSettings? settings, IReadOnlyCollection<BackendDefinition> backends)
    {
        _plan = new(settings, backends);
        Invalidate();
    }

    /// <summary>Keeps them until cancelled.</summary>
    /// <param name="look">Called each round, to find what nobody tells.</param>
    public async Task RunAsync(Action look, CancellationToken cancellationToken)
    {
        using var loop = loops.Add("jump.files");
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            loop.Beat();
            try
            {
                look();
                if (Interlocked.Exchange(ref _isStale, 0) == 1)
                {
                    await DiskThread.RunAsync(Write).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Invalidate();
                if (_trouble != e.Message)
                {
                    Log.FilesFailed(logger, _trouble = e.Message);
                }
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                Log.FilesFault(logger, e);
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
    }

    private void Write()
    {
        var plan = _plan;
        if (plan.Settings is null && !Directory.Exists(places.Directory))
        {
            return;
        }

        JumpUser[] all = [.. users.Users.Values];
        var login = plan.Settings?.Login;
        var routed = login is null ? [] : _accounts.Eligible(all, plan.Settings!.Account);
        PublicFiles.CreateDirectory(places.Directory);
        var changes = _files.Sync(
            FilePlan.Of(places, plan.Settings, all, routed, plan.Backends, addresses.Of), [places.UserKeys, places.Routes]);
        changes += login is null ? 0 : WriteAccounts(login, routed);
        _trouble = null;
        if (changes > 0)
        {
            Log.FilesWritten(logger, all.Length, changes);
        }
    }

    private int WriteAccounts(LoginSettings login, IReadOnlyCollection<JumpUser> routed)
    {
        var file = Path.Combine(login.Accounts, "passwd");
        var text = _accounts.Render(file, routed);
        if (_written == (file, text) && File.Exists(file))
        {
            return 0;
        }

        DurableFile.WriteForAll(file, Encoding.UTF8.GetBytes(text));
        _written = (file, text);
        return 1;
    }

    private sealed record Plan(JumpSettings? Settings, IReadOnlyCollection<BackendDefinition> Backends);
}
