using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Certificates;
using Sentinel.Forwarding;
using Sentinel.Forwarding.Listeners;
using Sentinel.Jump;
using Sentinel.Recovery;
using Sentinel.Service.Admin;
using Sentinel.Service.Admin.Page;
using Sentinel.Service.Alerts;
using Sentinel.Service.Cli;
using Sentinel.Service.Lifetimes;
using Sentinel.Service.Telemetry;

namespace Sentinel.Service.Hosting;

/// <summary>The whole daemon: composed here and nowhere else.</summary>
internal sealed class Daemon : IAsyncDisposable
{
    private readonly StateDirectory _state;
    private readonly TelemetryRoom _telemetry;
    private readonly IHost _host;

    private Daemon(StateDirectory state, TelemetryRoom telemetry, IHost host) => (_state, _telemetry, _host) = (state, telemetry, host);

    /// <summary>Asks for what it is made of.</summary>
    public T Part<T>()
        where T : notnull => _host.Services.GetRequiredService<T>();

    /// <summary>Takes the state directory and puts everything together. Nothing listens and nothing runs yet.</summary>
    /// <exception cref="CommandFailure">The state directory cannot be had.</exception>
    public static Daemon Create(DaemonParts parts)
    {
        var configuration = parts.Configuration;
        var state = Claim(configuration.StateDirectory);
        try
        {
            var token = AdminToken.Of(configuration.Admin, configuration.StateDirectory);
            var telemetry = new TelemetryRoom(configuration.Name, parts.LogOutput, parts.LogsToConsole, configuration.Telemetry, configuration.Backends.Count, parts.Time);
            return new Daemon(state, telemetry, Compose(parts, telemetry, token, state));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            state.Dispose();
            throw new CommandFailure(ExitStatus.Failed, $"the admin token cannot be kept in {configuration.StateDirectory}: {e.Message.TrimEnd('.')}; make that directory writable, or set admin.tokenFile");
        }
    }

    /// <summary>Runs until a signal stops it and everything has ended.</summary>
    /// <exception cref="CommandFailure">It could not start, or a part of it failed that it cannot be without.</exception>
    public async Task RunAsync()
    {
        void Tell(object? sender, UnobservedTaskExceptionEventArgs e) => Log.TaskFailed(Part<ILogger<Daemon>>(), e.Exception);
        void Flush(object sender, UnhandledExceptionEventArgs e) => _telemetry.Logs.Flush();
        TaskScheduler.UnobservedTaskException += Tell;
        AppDomain.CurrentDomain.UnhandledException += Flush;
        var stop = Part<StopSignals>().Stop;
        try
        {
            await Part<DaemonService>().PrepareAsync().ConfigureAwait(false);
            await _host.StartAsync().ConfigureAwait(false);
            await _host.WaitForShutdownAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopped before it was up: nothing listens and nothing runs.
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Tell;
            AppDomain.CurrentDomain.UnhandledException -= Flush;
        }

        if (!stop.IsCancellationRequested)
        {
            throw new CommandFailure(ExitStatus.Failed, "the daemon stopped because a part of it failed; its log says which");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ((IAsyncDisposable)_host).DisposeAsync().ConfigureAwait(false);
        _telemetry.Dispose();
        _state.Dispose();
    }

    private static StateDirectory Claim(string path)
    {
        try
        {
            return StateDirectory.Open(path);
        }
        catch (StateDirectoryException e)
        {
            throw new CommandFailure(ExitStatus.Failed, e.Message);
        }
    }

    private static IHost Compose(DaemonParts parts, TelemetryRoom telemetry, AdminToken token, StateDirectory state)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        var services = builder.Services;
        builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(telemetry.Logs);

        // How long stopping takes is up to each listener's drain, not to the host.
        services.Configure<HostOptions>(options => options.ShutdownTimeout = Timeout.InfiniteTimeSpan);
        services.AddSingleton<IHostLifetime, SignalLifetime>();

        services.AddSingleton(parts);
        services.AddSingleton(parts.Source);
        services.AddSingleton(parts.Signals);
        services.AddSingleton(parts.Systemd);
        services.AddSingleton(telemetry);
        services.AddSingleton(telemetry.Scrape);
        services.AddSingleton(parts.Time);
        services.AddSingleton<LoopRegistry>();
        services.AddSingleton<PoolTable>();
        services.AddSingleton(PassedSockets.FromEnvironment());
        services.AddSingleton(provider => new Forwarder(
            provider.GetRequiredService<PoolTable>(), provider.GetRequiredService<LoopRegistry>(), parts.Time,
            provider.GetRequiredService<ILoggerFactory>(), provider.GetRequiredService<PassedSockets>(), provider.GetRequiredService<IOutageOutlook>(),
            provider.GetRequiredService<ICertificates>(), parts.Configuration.Name,
            OperatingSystem.IsLinux() && parts.Systemd.IsPresent ? new SystemdStore(parts.Systemd, parts.Time) : null));
        services.AddSingleton(provider => new CertificateService(
            Path.Combine(state.Path, "certificates"), provider.GetRequiredService<PoolTable>(), provider.GetRequiredService<LoopRegistry>(), parts.Time,
            provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton(provider => new JumpService(
            Path.Combine(state.Path, "ssh"), provider.GetRequiredService<PoolTable>(), provider.GetRequiredService<LoopRegistry>(), parts.Time,
            provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<ICertificates, ShownCertificates>();
        services.AddSingleton<ICertificateDesk, CertificateDesk>();
        services.AddSingleton<IPlacementDesk>(provider => new JumpDesk(provider.GetRequiredService<JumpService>(), provider.GetRequiredService<ConfigurationInForce>()));
        services.AddSingleton<CertificateApi>();
        services.AddSingleton<PlacementApi>();
        services.AddSingleton<ISshDesk>(provider => new SshDesk(provider.GetRequiredService<JumpService>(), parts.Configuration.Name));
        services.AddSingleton<SshApi>();
        services.AddSingleton(state);
        services.AddSingleton(provider => new AlertRoom(
            Path.Combine(state.Path, "alerts"), parts.Configuration.Name, parts.Time, provider.GetRequiredService<LoopRegistry>(), provider.GetRequiredService<ILogger<AlertRoom>>()));
        services.AddSingleton<RecoveryService>();
        services.AddSingleton<IRecoveryDesk, RecoveryDesk>();
        services.AddSingleton<IOutageOutlook, OutageOutlook>();
        services.AddSingleton(new ConfigurationInForce(parts.Source.File, parts.Configuration, token, parts.Time.GetUtcNow()));
        services.AddSingleton<SentinelStanding>();
        services.AddSingleton(provider => new StatusReader(
            provider.GetRequiredService<ConfigurationInForce>(), provider.GetRequiredService<PoolTable>(), provider.GetRequiredService<SentinelStanding>(),
            () => provider.GetRequiredService<Forwarder>().Statuses, provider.GetRequiredService<IRecoveryDesk>(),
            provider.GetRequiredService<ICertificateDesk>(), provider.GetRequiredService<IPlacementDesk>()));
        services.AddSingleton<PreemptionNotices>();
        services.AddSingleton<AdminApi>();
        services.AddSingleton<AdminPage>();
        services.AddSingleton<AdminRoom>();
        services.AddSingleton<Rooms>();
        services.AddSingleton<Reloader>();
        services.AddSingleton<DaemonService>();

        // Started in this order and stopped in the reverse: systemd hears of everything, from first to last.
        services.AddHostedService(provider => new SystemdReporter(
            parts.Systemd, provider.GetRequiredService<LoopRegistry>(), provider.GetRequiredService<StatusReader>().Summary,
            parts.Time, provider.GetRequiredService<ILogger<SystemdReporter>>()));
        services.AddHostedService(provider => provider.GetRequiredService<DaemonService>());
        services.AddHostedService(provider => provider.GetRequiredService<Reloader>());
        services.AddHostedService(_ => new SpareMemory(parts.Time));
        return builder.Build();
    }
}
