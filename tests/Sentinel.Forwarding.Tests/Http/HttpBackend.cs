using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>A real server on an address of its own: HTTP/1.1 and, on the same port of another address, cleartext HTTP/2.</summary>
internal sealed class HttpBackend : IAsyncDisposable
{
    private readonly WebApplication _app;

    private HttpBackend(WebApplication app, IPEndPoint endPoint) => (_app, EndPoint) = (app, endPoint);

    public IPEndPoint EndPoint { get; }

    public static async Task<HttpBackend> StartAsync(RequestDelegate handler, HttpProtocols protocols = HttpProtocols.Http1, IPEndPoint? endPoint = null, bool latin1 = false)
    {
        endPoint ??= new(Loopback.Next(), Loopback.FreePort());
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options =>
        {
            if (latin1)
            {
                options.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
                options.ResponseHeaderEncodingSelector = _ => Encoding.Latin1;
            }

            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Limits.MinResponseDataRate = null;
            options.Listen(endPoint, listen => listen.Protocols = protocols);
        });
        var app = builder.Build();
        app.UseWebSockets();
        app.Run(handler);
        await app.StartAsync();
        return new(app, endPoint);
    }

    /// <summary>Answers with what it got: method, target, and every field, a line each.</summary>
    public static async Task EchoHead(HttpContext context)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var lines = context.Request.Headers.SelectMany(field => field.Value.Select(value => $"{field.Key}: {value}"));
        await context.Response.WriteAsync($"{context.Request.Method} {target} {context.Request.Protocol}\n{string.Join('\n', lines)}\n");
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}

/// <summary>Addresses and ports for these tests alone.</summary>
internal static class Loopback
{
    private static int _last;

    /// <summary>An address that no other test uses.</summary>
    public static IPAddress Next()
    {
        var number = Interlocked.Increment(ref _last);
        return new([127, 22, (byte)(number / 250), (byte)((number % 250) + 1)]);
    }

    /// <summary>A port that was free a moment ago; on an address from <see cref="Next"/> nobody else takes it.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(Next(), 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
