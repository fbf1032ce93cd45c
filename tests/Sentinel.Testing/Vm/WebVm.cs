using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Sentinel.Testing.Vm;

/// <summary>
/// A small web server to stand behind a sentinel as a child process: it says who it is, takes and gives bytes, echoes
/// WebSockets, and counts the requests that really reached it in a file that outlives it.
/// Port 8080 speaks HTTP/1.1, 8081 cleartext HTTP/2, 7000 accepts TCP and echoes.
/// </summary>
public static class WebVm
{
    // Bytes by their offset; the rule begins anew after so many.
    private static readonly byte[] Pattern = [.. Enumerable.Range(0, 2048).Select(static i => (byte)(i * 31 >> 3))];

    internal static async Task<int> RunAsync(string[] args)
    {
        var options = Options.Parse(args);
        if (options.RefuseToDie)
        {
            System.Runtime.InteropServices.PosixSignalRegistration.Create(
                System.Runtime.InteropServices.PosixSignal.SIGTERM, context => context.Cancel = true);
        }

        if (options.WaitFor is { } file)
        {
            await Eventually.TrueAsync(() => File.Exists(file), TimeSpan.FromMinutes(5)).ConfigureAwait(false);
        }

        await Task.Delay(options.Boot, TimeProvider.System).ConfigureAwait(false);

        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(options.Address, 8080, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(options.Address, 8081, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
        });
        builder.Services.AddRoutingCore();
        builder.Logging.SetMinimumLevel(LogLevel.None);
        var app = builder.Build();
        app.UseWebSockets();
        app.UseRouting();
        app.MapGet("/", () => options.Name);
        app.MapGet("/.well-known/acme-challenge/{token}", (string token) => $"{options.Name} {token}");
        app.MapGet("/headers", (HttpContext context) => string.Join('\n', context.Request.Headers.Select(header => $"{header.Key}: {header.Value}")));
        app.MapGet("/count/{id}", (string id) => Seen(options, id));
        app.MapPost("/count/{id}", (string id) => Seen(options, id));
        app.MapGet("/download/{bytes:long}", DownloadAsync);
        app.MapPost("/upload", (Delegate)UploadAsync);
        app.MapGet("/echo", EchoAsync);
        app.MapGet("/drip", DripAsync);
        app.MapPost("/stall", (HttpContext context) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted));

        using var echo = new TcpListener(options.Address, 7000);
        echo.Start(4096);
        _ = AcceptAsync(echo);
        await app.RunAsync().ConfigureAwait(false);
        return 0;
    }

    /// <summary>The bytes of every download, so that a test can compare checksums without keeping them.</summary>
    public static void Fill(Span<byte> chunk, long offset)
    {
        // Copied, not computed: three hundred clients at once would keep a small machine from everything else.
        for (var done = 0; done < chunk.Length;)
        {
            var piece = Pattern.AsSpan((int)((offset + done) % Pattern.Length));
            piece = piece[..Math.Min(piece.Length, chunk.Length - done)];
            piece.CopyTo(chunk[done..]);
            done += piece.Length;
        }
    }

    private static string Seen(Options options, string id)
    {
        if (options.Journal is { } journal)
        {
            lock (options)
            {
                File.AppendAllText(journal, $"{id}\n");
            }
        }

        return $"{options.Name} {id}";
    }

    private static async Task DownloadAsync(HttpContext context, long bytes)
    {
        context.Response.ContentLength = bytes;
        var chunk = new byte[65536];
        for (var sent = 0L; sent < bytes; sent += chunk.Length)
        {
            var length = (int)Math.Min(chunk.Length, bytes - sent);
            Fill(chunk.AsSpan(0, length), sent);
            await context.Response.Body.WriteAsync(chunk.AsMemory(0, length), context.RequestAborted).ConfigureAwait(false);
        }
    }

    private static async Task<string> UploadAsync(HttpContext context)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = new byte[65536];
        var total = 0L;
        int read;
        while ((read = await context.Request.Body.ReadAsync(chunk, context.RequestAborted).ConfigureAwait(false)) > 0)
        {
            hash.AppendData(chunk.AsSpan(0, read));
            total += read;
        }

        return $"{total} {Convert.ToHexStringLower(hash.GetHashAndReset())}";
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
        var buffer = new byte[65536];
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted).ConfigureAwait(false);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted).ConfigureAwait(false);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, context.RequestAborted).ConfigureAwait(false);
        }
    }

    /// <summary>Begins an answer and never ends it.</summary>
    private static async Task DripAsync(HttpContext context)
    {
        await context.Response.WriteAsync("ready\n", context.RequestAborted).ConfigureAwait(false);
        await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted).ConfigureAwait(false);
    }

    private static async Task AcceptAsync(TcpListener listener)
    {
        while (true)
        {
            _ = EchoAsync(await listener.AcceptSocketAsync().ConfigureAwait(false));
        }
    }

    private static async Task EchoAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                var buffer = new byte[4096];
                int read;
                while ((read = await socket.ReceiveAsync(buffer).ConfigureAwait(false)) > 0)
                {
                    await socket.SendAsync(buffer.AsMemory(0, read)).ConfigureAwait(false);
                }
            }
            catch (SocketException)
            {
                // the other side broke; nothing to answer
            }
        }
    }

    private sealed record Options(IPAddress Address, string Name, TimeSpan Boot, string? WaitFor, string? Journal, bool RefuseToDie)
    {
        public static Options Parse(string[] args)
        {
            var values = new Dictionary<string, string>();
            for (var i = 0; i < args.Length; i++)
            {
                values[args[i]] = args[i] == "--refuse-to-die" ? "yes" : args[++i];
            }

            return new(
                IPAddress.Parse(values["--address"]),
                values["--name"],
                TimeSpan.FromSeconds(double.Parse(values.GetValueOrDefault("--boot", "0"), CultureInfo.InvariantCulture)),
                values.GetValueOrDefault("--wait-for"),
                values.GetValueOrDefault("--journal"),
                values.ContainsKey("--refuse-to-die"));
        }
    }
}
