using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sentinel.Certificates;
using Sentinel.Forwarding;
using Sentinel.Jump;
using Sentinel.Recovery;
using Sentinel.Service.Alerts;
using Sentinel.Service.Cli;
using Sentinel.Service.Lifetimes;
using Sentinel.Service.Telemetry;

namespace Sentinel.Service.Hosting;

/// <summary>Starts and stops the rooms, in the one order that loses nothing.</summary>
internal sealed class DaemonService(
    DaemonParts parts, Rooms rooms, Forwarder forwarder, AdminRoom admin, RecoveryService recovery, CertificateService certificates, JumpService jump, AlertRoom alerts, TelemetryRoom telemetry, ILogger<DaemonService> logger) : IHostedService
{
    private static readonly TimeSpan LongestFarewell = TimeSpan.FromSeconds(5);

    private Rooms.Change? _change;

    /// <summary>Has every room get ready. Before the host starts, because this is what may fail.</summary>
    /// <exception cref="CommandFailure">A room could not get ready; nothing was started.</exception>
    public async Task PrepareAsync()
    {
        // What earlier daemons held is shown from the first handshake on.
        certificates.Load();
        var change = await rooms.PrepareAsync(parts.Configuration, parts.Signals.Stop).ConfigureAwait(false);
        if (change.Errors.Count > 0)
        {
            await change.DisposeAsync().ConfigureAwait(false);
            throw new CommandFailure(ExitStatus.Failed, string.Join("; ", change.Errors));
        }

        await forwarder.ClearAwayAsync(parts.Configuration.Listeners, parts.Signals.Stop).ConfigureAwait(false);
        _change = change;
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var configuration = parts.Configuration;
        recovery.AlertRaised += alerts.Tell;
        certificates.Alerted += alerts.Tell;
        _change!.Commit();
        await recovery.StartAsync(cancellationToken).ConfigureAwait(false);
        certificates.Start();
        jump.Start();
        Log.Started(logger, BuildInfo.Version, configuration.Name, configuration.Backends.Count, configuration.Listeners.Count, admin.Bound!.ToString());
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Log.Stopping(logger);

        // No more challenges while listeners go; what is held goes on being shown. A program of the operator's that is slow to
        // end must not keep connections from being handed over.
        await Task.WhenAny(certificates.DisposeAsync().AsTask(), Task.Delay(LongestFarewell, TimeProvider.System, parts.Signals.Now)).ConfigureAwait(false);
        var hasSuccessor = parts.Systemd.IsPresent && await SystemdUnit.HasSuccessorAsync(TimeProvider.System, logger).ConfigureAwait(false);
        await Task.WhenAny(jump.StopAsync(hasSuccessor), Task.Delay(LongestFarewell, TimeProvider.System, parts.Signals.Now)).ConfigureAwait(false);
        if (hasSuccessor)
        {
            // Child-process VMs go on too. What takes time comes before connections stand still.
            await forwarder.HandOverAsync(LeaveAsync, parts.Signals.Now).ConfigureAwait(false);
        }
        else
        {
            // The admin endpoint tells of the draining to its end; VMs go last, because what drains still talks to them.
            await forwarder.StopAsync(parts.Signals.Now).ConfigureAwait(false);
            await admin.DisposeAsync().ConfigureAwait(false);
            await recovery.StopAsync(parts.Signals.Now).ConfigureAwait(false);
            await alerts.DisposeAsync().ConfigureAwait(false);
        }

        Log.Stopped(logger);
    }

    private async Task LeaveAsync()
    {
        await admin.DisposeAsync().ConfigureAwait(false);
        await recovery.LeaveAsync().ConfigureAwait(false);
        await alerts.DisposeAsync().ConfigureAwait(false);
        telemetry.StopExporting();
    }
}
