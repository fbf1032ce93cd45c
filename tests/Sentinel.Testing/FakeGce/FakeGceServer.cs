using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Sentinel.Testing.FakeGce;

/// <summary>
/// The Compute Engine API over HTTP on a loopback address, for the methods that a sentinel uses: real names, order and
/// offsets of operations, refusals as the API words them. What goes wrong is set in <see cref="GceTrouble"/>.
/// </summary>
public sealed class FakeGceServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly GceRoutes _routes;
    private readonly TimeProvider _time;
    private readonly ConcurrentQueue<GceCall> _calls = [];
    private long _minute;
    private int _inMinute;
    private int _busy;

    private FakeGceServer(WebApplication app, FakeProject project, TimeProvider time)
    {
        (_app, Project, _time) = (app, project, time);
        _routes = new(project, time);
    }

    public FakeProject Project { get; }

    /// <summary>What goes before <c>/compute/v1</c>.</summary>
    public Uri Endpoint { get; private set; } = null!;

    /// <summary>Every request so far that reached the API.</summary>
    public IReadOnlyCollection<GceCall> Calls => _calls;

    /// <summary>Requests that are being answered now; those that wait for time to pass are not.</summary>
    public int Busy => Volatile.Read(ref _busy);

    /// <summary>Says whether a bearer token is good; null: nobody asks for one.</summary>
    public Func<string, bool>? TokenCheck { get; set; }

    /// <param name="port">0: any.</param>
    public static async Task<FakeGceServer> StartAsync(
        TimeProvider? time = null, GceTiming? timing = null, IGuests? guests = null, string project = "test-project", IPAddress? address = null, int port = 0)
    {
        time ??= TimeProvider.System;
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(address ?? IPAddress.Loopback, port));
        builder.Logging.SetMinimumLevel(LogLevel.None);
        var app = builder.Build();
        var server = new FakeGceServer(app, new FakeProject(project, time, timing ?? new(), guests ?? new NoGuests()), time);
        app.Run(server.HandleAsync);
        await app.StartAsync().ConfigureAwait(false);
        server.Endpoint = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync().ConfigureAwait(false);
        await _app.StopAsync(now.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    private async Task HandleAsync(HttpContext context)
    {
        var (method, path) = (context.Request.Method, context.Request.Path.Value!);
        var trouble = Project.Trouble;
        _calls.Enqueue(new(method, path, context.Request.QueryString.Value ?? "", _time.GetUtcNow()));
        if (trouble.IsDown)
        {
            context.Abort();
            return;
        }

        if (trouble.Delay > TimeSpan.Zero)
        {
            await Task.Delay(trouble.Delay, _time, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var isWait = path.EndsWith("/wait", StringComparison.Ordinal);
        Interlocked.Add(ref _busy, isWait ? 0 : 1);
        try
        {
            Admit(context, method, path);
            var answer = await _routes.AnswerAsync(context, method, path).ConfigureAwait(false);
            if (trouble.LosingReply(method, path))
            {
                context.Abort();
                return;
            }

            await WriteAsync(context, 200, answer).ConfigureAwait(false);
        }
        catch (GceRefusalException fault)
        {
            if (fault.RetryAfter is { } seconds)
            {
                context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
            }

            await WriteAsync(context, fault.Status, fault.ToJson()).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Add(ref _busy, isWait ? 0 : -1);
        }
    }

    private void Admit(HttpContext context, string method, string path)
    {
        if (TokenCheck is { } isGood)
        {
            var header = context.Request.Headers.Authorization.ToString();
            if (!header.StartsWith("Bearer ", StringComparison.Ordinal) || !isGood(header["Bearer ".Length..]))
            {
                throw GceRefusalException.Unauthorized();
            }
        }

        var minute = _time.GetUtcNow().ToUnixTimeSeconds() / 60;
        lock (_calls)
        {
            (_minute, _inMinute) = (minute, minute == _minute ? _inMinute + 1 : 1);
            if (_inMinute > Project.Trouble.RequestsPerMinute)
            {
                throw GceRefusalException.RateLimited();
            }
        }

        if (Project.Trouble.Refusing(method, path) is { } fault)
        {
            throw fault;
        }
    }

    private static async Task WriteAsync(HttpContext context, int status, JsonObject document)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=UTF-8";
        await context.Response.WriteAsync(document.ToJsonString(), context.RequestAborted).ConfigureAwait(false);
    }
}

/// <summary>One request that reached the API.</summary>
public sealed record GceCall(string Method, string Path, string Query, DateTimeOffset At);
