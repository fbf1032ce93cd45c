using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sentinel.Service.Admin.Page;

namespace Sentinel.Service.Admin;

/// <summary>The admin endpoint on one address. A reload that moves it starts another and ends this one.</summary>
internal sealed class AdminServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TaskCompletionSource _isInForce;

    private AdminServer(WebApplication app, TaskCompletionSource isInForce, IPEndPoint bound) => (_app, _isInForce, Bound) = (app, isInForce, bound);

    /// <summary>Where it listens: the port is known now even if any would do.</summary>
    public IPEndPoint Bound { get; }

    /// <summary>Listens. Requests wait until <see cref="PutInForce"/>: what they ask about is not there before.</summary>
    /// <returns>The server, or a sentence for the administrator that says why there is none.</returns>
    public static async Task<(AdminServer? Server, string? Error)> StartAsync(
        IPEndPoint bind, ConfigurationInForce configuration, AdminApi api, AdminPage page, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logs);
        builder.Services.AddRoutingCore();

        // The daemon handles signals; the usual lifetime would stop this part of it first.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => Limit(options, bind));
        var app = builder.Build();
        var isInForce = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Use(async (context, next) =>
        {
            await isInForce.Task.WaitAsync(context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (isInForce.Task.IsCompletedSuccessfully)
            {
                await next(context).ConfigureAwait(false);
            }
            else
            {
                context.Abort();
            }
        });
        new AdminPipeline(configuration, IPAddress.IsLoopback(bind.Address), logs.CreateLogger<AdminPipeline>()).AddTo(app);
        app.UseRouting();
        api.AddTo(app);
        page.AddTo(app);
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            return (null, Explain(bind, e));
        }

        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return (new AdminServer(app, isInForce, new IPEndPoint(bind.Address, address.Port)), null);
    }

    /// <summary>Answers from now on.</summary>
    public void PutInForce() => _isInForce.TrySetResult();

    /// <summary>Ends it: requests in progress get a moment, live views none.</summary>
    public async ValueTask DisposeAsync()
    {
        _isInForce.TrySetCanceled();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1), TimeProvider.System);
        await _app.StopAsync(patience.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Few, small and quick requests are all that this endpoint is for; whatever more somebody tries must not cost the daemon much.</summary>
    private static void Limit(KestrelServerOptions options, IPEndPoint bind)
    {
        options.AddServerHeader = false;
        options.Limits.MaxConcurrentConnections = 256;
        options.Limits.MaxConcurrentUpgradedConnections = 0;
        options.Limits.MaxRequestBodySize = 16 * 1024;
        options.Limits.MaxRequestBufferSize = 32 * 1024;
        options.Limits.MaxRequestLineSize = 4 * 1024;
        options.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        options.Limits.MaxRequestHeaderCount = 64;
        options.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        options.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(30);
        options.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        options.Limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(10));
        options.Listen(bind, listen => listen.Protocols = HttpProtocols.Http1);
    }

    private static string Explain(IPEndPoint bind, Exception error) => error.InnerException switch
    {
        AddressInUseException => $"admin.bind {bind}: in use: another program listens there; end it (ss -ltnp 'sport = :{bind.Port}' names it) or choose another address",
        _ when error.GetBaseException() is SocketException { SocketErrorCode: SocketError.AccessDenied } =>
            $"admin.bind {bind}: a port below 1024 needs CAP_NET_BIND_SERVICE; choose another port or grant it",
        _ when error.GetBaseException() is SocketException { SocketErrorCode: SocketError.AddressNotAvailable } =>
            $"admin.bind {bind}: this machine has no such address; choose one that 'ip address' shows",
        _ => $"admin.bind {bind}: {error.GetBaseException().Message}",
    };

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
