using Sentinel.Backends;
using Sentinel.Certificates;
using Sentinel.Forwarding;
using Sentinel.Forwarding.Listeners;
using Sentinel.Jump;
using Sentinel.Recovery;
using Sentinel.Service.Alerts;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Hosting;

/// <summary>Puts a configuration in force in all rooms, or in none: at the start as at each reload.</summary>
internal sealed class Rooms(PoolTable pools, RecoveryService recovery, Forwarder forwarder, AdminRoom admin, CertificateService certificates, JumpService jump, AlertRoom alerts)
{
    private SentinelConfiguration? _current;

    /// <summary>Has every room get ready. Nothing changes that anybody could see.</summary>
    /// <param name="next">A good configuration.</param>
    /// <param name="cancellationToken">Abandons the change.</param>
    public async Task<Change> PrepareAsync(SentinelConfiguration next, CancellationToken cancellationToken)
    {
        string? addressTrouble = null;
        try
        {
            next = StableListeners.AddTo(next, jump);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            addressTrouble = $"ssh: the stable addresses of backends cannot be kept in {next.StateDirectory}: {e.Message}";
        }

        var change = new Change(this, next) { AddressTrouble = addressTrouble };
        try
        {
            // Addresses first: a VM must not be started for a daemon that then fails to listen.
            change.Listeners = await forwarder.PrepareAsync(next.Listeners, cancellationToken).ConfigureAwait(false);
            change.Admin = await admin.PrepareAsync(next.Admin.Bind, cancellationToken).ConfigureAwait(false);
            change.Recovery = recovery.Prepare(next.Backends, next.Gce);
            return change;
        }
        catch
        {
            await change.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private void Commit(Change change)
    {
        var next = change.Next;
        BackendDefinition[] backends = [.. next.Backends.Select(backend => backend.Definition)];

        // While rooms change one after the other, both what goes and what comes is there to be found.
        pools.Configure(
            [.. backends, .. (_current?.Backends ?? []).Select(backend => backend.Definition).Where(old => !backends.Any(backend => backend.Id == old.Id))],
            [.. next.Pools, .. (_current?.Pools ?? []).Where(old => !next.Pools.Any(pool => pool.Id == old.Id))]);
        alerts.Commit(next.Alerts);
        recovery.Commit(change.Recovery!);
        change.Listeners!.Commit();
        change.Admin!.Commit();
        pools.Configure(backends, next.Pools);
        certificates.Commit(next.Certificates);
        jump.Commit(next.Ssh);
        _current = next;
    }

    /// <summary>A configuration that every room is ready for, unless there are <see cref="Errors"/>. Commit or dispose it.</summary>
    internal sealed class Change(Rooms rooms, SentinelConfiguration next) : IAsyncDisposable
    {
        public SentinelConfiguration Next => next;

        public ListenerChange? Listeners { get; set; }

        public AdminRoom.Change? Admin { get; set; }

        public RecoveryPlan? Recovery { get; set; }

        /// <summary>Why backends have no stable addresses; null: they have.</summary>
        public string? AddressTrouble { get; init; }

        /// <summary>Sentences for the administrator; empty if it can be committed.</summary>
        public IReadOnlyList<string> Errors =>
        [
            .. Listeners!.Errors.Select(error => error.ToString()),
            .. Admin!.Error is { } error ? [error] : (string[])[],
            .. Recovery!.Errors,
            .. AddressTrouble is { } trouble ? [trouble] : (string[])[],
        ];

        /// <summary>Puts it in force. Cannot fail.</summary>
        public void Commit() => rooms.Commit(this);

        public async ValueTask DisposeAsync()
        {
            Listeners?.Dispose();
            if (Admin is not null)
            {
                await Admin.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
