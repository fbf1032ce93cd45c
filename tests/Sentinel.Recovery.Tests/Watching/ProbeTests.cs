using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Sentinel.Recovery.Watching;

namespace Sentinel.Recovery.Tests.Watching;

/// <summary>Each kind of check against servers that behave, and servers that do not.</summary>
public sealed class ProbeTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Tcp_passes_where_a_port_accepts()
    {
        using var server = new Server(_ => Task.CompletedTask);

        Assert.Null(await CheckAsync(HealthKind.Tcp, server.Port));
    }

    [Theory]
    [InlineData(HealthKind.Tcp)]
    [InlineData(HealthKind.Http)]
    [InlineData(HealthKind.Tls)]
    [InlineData(HealthKind.Ssh)]
    [InlineData(HealthKind.Grpc)]
    public async Task Nothing_passes_where_a_port_refuses(HealthKind kind)
    {
        int port;
        using (var server = new Server(_ => Task.CompletedTask))
        {
            port = server.Port;
        }

        Assert.Equal("connection refused", await CheckAsync(kind, port));
    }

    [Theory]
    [InlineData(HealthKind.Http)]
    [InlineData(HealthKind.Tls)]
    [InlineData(HealthKind.Ssh)]
    [InlineData(HealthKind.Grpc)]
    public async Task A_port_that_accepts_and_says_nothing_passes_no_kind_but_tcp(HealthKind kind)
    {
        using var server = new Server(async stream => await stream.CopyToAsync(Stream.Null));

        Assert.Equal("no answer within 0.3 s", await CheckAsync(kind, server.Port, Short));
    }

    [Theory]
    [InlineData(HealthKind.Http)]
    [InlineData(HealthKind.Tls)]
    [InlineData(HealthKind.Ssh)]
    [InlineData(HealthKind.Grpc)]
    public async Task Garbage_passes_no_kind_but_tcp(HealthKind kind)
    {
        using var server = new Server(async stream =>
        {
            var garbage = new byte[10_000];
            new Random(3).NextBytes(garbage);
            await stream.WriteAsync(garbage);
        });

        Assert.NotNull(await CheckAsync(kind, server.Port));
    }

    [Theory]
    [InlineData(HealthKind.Http, "HTTP/1.1 200 OK\r\nX-Slow: ")]
    [InlineData(HealthKind.Ssh, "welcome\r\n")]
    public async Task A_server_that_drips_for_ever_is_not_waited_for(HealthKind kind, string start)
    {
        using var server = new Server(async stream =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(start));
            while (true)
            {
                await stream.WriteAsync("x"u8.ToArray());
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            }
        });

        Assert.Equal("no answer within 0.3 s", await CheckAsync(kind, server.Port, Short));
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", true)]
    [InlineData("SSH-1.99-old\n", true)]
    [InlineData("Welcome to the lab\r\nmind the step\r\nSSH-2.0-x\r\n", true)]
    [InlineData("SSH-2.0-cut", false)]
    [InlineData("SSH-1.5-ancient\r\n", false)]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", false)]
    [InlineData("", false)]
    public async Task Ssh_wants_a_whole_banner(string sent, bool passes)
    {
        using var server = new Server(async stream => await stream.WriteAsync(Encoding.ASCII.GetBytes(sent)));

        Assert.Equal(passes, await CheckAsync(HealthKind.Ssh, server.Port) is null);
    }

    [Theory]
    [InlineData("200 OK", true)]
    [InlineData("204 No Content", true)]
    [InlineData("302 Found\r\nLocation: /nowhere", true)]
    [InlineData("404 Not Found", false)]
    [InlineData("500 Oops", false)]
    [InlineData("503 Busy", false)]
    public async Task Http_wants_2xx_or_3xx_and_follows_nothing(string status, bool passes)
    {
        var requests = 0;
        using var server = new Server(async stream =>
        {
            Interlocked.Increment(ref requests);
            await stream.ReadAtLeastAsync(new byte[16], 16);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
        });

        Assert.Equal(passes, await CheckAsync(HealthKind.Http, server.Port) is null);
        Assert.Equal(1, requests);
    }

    [Fact]
    public async Task Http_does_not_read_an_endless_body()
    {
        using var server = new Server(async stream =>
        {
            await stream.ReadAtLeastAsync(new byte[16], 16);
            await stream.WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray());
            while (true)
            {
                await stream.WriteAsync(new byte[65536]);
            }
        });

        Assert.Null(await CheckAsync(HealthKind.Http, server.Port));
    }

    [Fact]
    public async Task Tls_passes_whatever_the_certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = new CertificateRequest("CN=somebody else", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddYears(-2), now.AddYears(-1));
        using var server = new Server(async stream =>
        {
            await using var tls = new SslStream(stream);
            await tls.AuthenticateAsServerAsync(certificate);
            await tls.CopyToAsync(Stream.Null);
        });

        Assert.Null(await CheckAsync(HealthKind.Tls, server.Port));
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 8, 1 }, "0", null)]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 8, 2 }, "0", "says NOT_SERVING")]
    [InlineData(new byte[] { 0, 0, 0, 0, 0 }, "0", "says UNKNOWN")]
    [InlineData(new byte[] { }, "0", "says nothing that can be read")]
    [InlineData(new byte[] { }, "12", "answered grpc-status 12 to a health check")]
    public async Task Grpc_wants_SERVING(byte[] message, string status, string? wrong)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Logging.SetMinimumLevel(LogLevel.None);
        await using var app = builder.Build();
        app.Run(async context =>
        {
            Assert.Equal("/grpc.health.v1.Health/Check", context.Request.Path);
            context.Response.ContentType = "application/grpc";
            await context.Response.Body.WriteAsync(message);
            context.Response.AppendTrailer("grpc-status", status);
        });
        await app.StartAsync();

        Assert.Equal(wrong, await CheckAsync(HealthKind.Grpc, new Uri(app.Urls.Single()).Port));
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_is_said_to() =>
        Assert.Equal(
            "the name does not resolve",
            await TimedCheck.RunAsync(
                Recovery.Watching.Probes.ProbeKinds.For(new() { Kind = HealthKind.Tcp, Port = 1 }),
                "no-such-host.invalid",
                Long,
                TimeProvider.System,
                CancellationToken.None));

    [Fact]
    public async Task Running_out_of_descriptors_says_nothing_about_the_backend()
    {
        await Assert.ThrowsAsync<ProbeStarvedException>(() => TimedCheck.RunAsync(
            new Failing(new HttpRequestException("x", new SocketException((int)SocketError.TooManyOpenSockets))), "127.0.0.1", Long, TimeProvider.System, CancellationToken.None));
        Assert.Equal("connection refused", await TimedCheck.RunAsync(
            new Failing(new SocketException((int)SocketError.ConnectionRefused)), "127.0.0.1", Long, TimeProvider.System, CancellationToken.None));
    }

    private static Task<string?> CheckAsync(HealthKind kind, int port, TimeSpan? timeout = null) => TimedCheck.RunAsync(
        Recovery.Watching.Probes.ProbeKinds.For(new() { Kind = kind, Port = port }), "127.0.0.1", timeout ?? Long, TimeProvider.System, CancellationToken.None);

    private sealed class Failing(Exception fault) : Recovery.Watching.Probes.IProbe
    {
        public Task<string?> CheckAsync(string host, CancellationToken cancellationToken) => throw fault;
    }

    /// <summary>A loopback server that treats each connection as told.</summary>
    private sealed class Server : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public Server(Func<NetworkStream, Task> serve)
        {
            _listener.Start();
            _ = ServeAsync(serve);
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync(Func<NetworkStream, Task> serve)
        {
            try
            {
                while (true)
                {
                    _ = ServeAsync(await _listener.AcceptTcpClientAsync(), serve);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // disposed
            }
        }

        private static async Task ServeAsync(TcpClient client, Func<NetworkStream, Task> serve)
        {
            try
            {
                using (client)
                {
                    await serve(client.GetStream());
                }
            }
            catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
            {
                // the check has seen enough
            }
        }
    }
}
