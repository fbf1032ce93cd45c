using Microsoft.Extensions.Logging;
using Sentinel.Backends.Commands;
using Sentinel.Backends.Files;
using Sentinel.Jump.Keys;

namespace Sentinel.Jump.Upstream;

/// <summary>
/// The sentinel's own keys for backends: one, or two while the next takes the place of the current. An agent of another unit
/// has the private parts loaded; users never read them.
/// </summary>
public sealed class UpstreamKeys : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly JumpPlaces _places;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private volatile Pair _keys = new(null, null);

    internal UpstreamKeys(JumpPlaces places, TimeProvider time, ILogger logger) => (_places, _time, _logger) = (places, time, logger);

    /// <summary>Another key is to be given to backends.</summary>
    public event Action? Changed;

    /// <summary>The one in use; null: not made yet.</summary>
    public AuthorizedKey? Current => _keys.Current;

    /// <summary>The one that will take its place; null: none will.</summary>
    public AuthorizedKey? Next => _keys.Next;

    /// <summary>As lines of a key file, the newest last.</summary>
    internal IReadOnlyList<string> Lines => [.. new[] { Current, Next }.OfType<AuthorizedKey>().Select(LineOf)];

    /// <summary>Where the private part of <see cref="Next"/> is: in its last place, too, after a crash in the middle of <see cref="FinishAsync"/>.</summary>
    internal string NextFile => File.Exists(Successor) ? Successor : _places.UpstreamKey;

    /// <summary>Where the agent that has them loaded listens for its owner; null: there is none.</summary>
    internal string? Agent { get; set; }

    private string Successor => _places.UpstreamKey + ".next";

    /// <summary>One of them as a line of a key file.</summary>
    internal static string LineOf(AuthorizedKey key) => $"{key} sentinel";

    /// <summary>Reads which there are.</summary>
    internal void Load()
    {
        var keys = new Pair(OwnKey.Public(_places.UpstreamKey), OwnKey.Public(Successor));
        if (keys != _keys)
        {
            _keys = keys;
            Changed?.Invoke();
        }
    }

    /// <summary>Makes the first one.</summary>
    /// <returns>What went wrong, as the end of a sentence; null if nothing.</returns>
    internal async Task<string?> EnsureAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var why = await OwnKey.MakeAsync(_places.UpstreamKey, "sentinel", _time, _logger, cancellationToken).ConfigureAwait(false);
            Load();
            return why;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Makes the next key. From now on both are given to backends and shown to them, until <see cref="FinishAsync"/>.</summary>
    /// <returns>What went wrong, as a sentence; null if nothing.</returns>
    public async Task<string?> RotateAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Current is null)
            {
                return "There is no key yet; it is made when the jump host first starts.";
            }

            if (Next is not null)
            {
                return "A next key was made already; once every backend has it, 'sentinel ssh-key finish' puts it in force alone.";
            }

            if (await OwnKey.MakeAsync(Successor, "sentinel", _time, _logger, cancellationToken).ConfigureAwait(false) is { } why)
            {
                return $"The next key could not be made: {why}.";
            }

            await TellAgentAsync([Successor], cancellationToken).ConfigureAwait(false);
            Log.KeyRotated(_logger, "A next key was made beside");
            Load();
            return null;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Puts the next key in force alone.</summary>
    /// <returns>What went wrong, as a sentence; null if nothing.</returns>
    public async Task<string?> FinishAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Next is null)
            {
                return "No next key was made; 'sentinel ssh-key rotate' makes one.";
            }

            await TellAgentAsync(["-d", _places.UpstreamKey + OwnKey.PublicEnding], cancellationToken).ConfigureAwait(false);

            // The public part last: as long as it is in its old place, both are shown and given, and this can be done again.
            if (NextFile == Successor)
            {
                DurableFile.Move(Successor, _places.UpstreamKey);
            }

            DurableFile.Move(Successor + OwnKey.PublicEnding, _places.UpstreamKey + OwnKey.PublicEnding);
            Log.KeyRotated(_logger, "The next key has taken the place of");
            Load();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"The next key could not be put in force: {e.Message}";
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    private sealed record Pair(AuthorizedKey? Current, AuthorizedKey? Next);

    /// <summary>An agent that does not run loads what is there when it starts.</summary>
    private async Task TellAgentAsync(string[] words, CancellationToken cancellationToken)
    {
        if (Agent is { } socket && File.Exists(socket)
            && await Command.RunAsync(["env", $"SSH_AUTH_SOCK={socket}", "ssh-add", "-q", .. words], Patience, _time, cancellationToken).ConfigureAwait(false) is { } why)
        {
            Log.AgentNotTold(_logger, why);
        }
    }
}
