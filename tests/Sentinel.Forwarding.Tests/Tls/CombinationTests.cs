using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Sentinel.Forwarding.Listeners;
using Sentinel.Forwarding.Tests.Http;
using Sentinel.Testing;
using Loopback = Sentinel.Forwarding.Tests.Kit.Loopback;

namespace Sentinel.Forwarding.Tests.Tls;

/// <summary>What each works alone, together with TLS: the PROXY header before it, clients' own addresses, bodies that stream inside.</summary>
public sealed class CombinationTests
{
    private const string Host = "app.example.com";
    private const string Header = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";
    private readonly TestCertificates _certificates = new(Host);

    public static TheoryData<RelayEngine> Relays => TlsTests.Relays;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task On_https_the_header_before_the_hello_names_the_client(bool slowly)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], settings => settings with { AcceptProxyProtocolFrom = [IPNetwork.Parse("127.21.0.0/16")] }, certificates: _certificates);
        foreach (var protocol in new[] { SslApplicationProtocol.Http11, SslApplicationProtocol.Http2 })
        {
            using var client = new HttpClient(new SocketsHttpHandler
            {
                UseProxy = false,
                SslOptions = new() { RemoteCertificateValidationCallback = TestCertificates.Any },
                ConnectCallback = async (_, _) => await AnnouncedAsync(stage, slowly),
            })
            {
                DefaultRequestVersion = protocol == SslApplicationProtocol.Http2 ? HttpVersion.Version20 : HttpVersion.Version11,
                DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };

            var answer = await client.GetStringAsync(stage.Address);
            Assert.Contains("X-Forwarded-For: 192.0.2.7\n", answer, StringComparison.Ordinal);
            Assert.Contains("X-Forwarded-Proto: https\n", answer, StringComparison.Ordinal);
        }

        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 2);
        Assert.All(stage.Logs.Ends, end => Assert.Equal("192.0.2.7:4711", end["Client"]));
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task On_tls_the_header_is_read_before_the_hello_and_does_not_reach_the_backend(RelayEngine relay)
    {
        await using var backend = await HttpBackend.StartAsync(
            context => context.Response.WriteAsync("served"), HttpProtocols.Http1, certificate: TestCertificates.Make("the backend").TargetCertificate);
        await using var stage = await StageAsync(backend.EndPoint, relay, settings => settings with { AcceptProxyProtocolFrom = [IPNetwork.Parse("127.21.0.0/16")] });
        foreach (var (serves, subject, status) in new[] { (true, "CN=the backend", "200"), (false, $"CN={Host}", "503") })
        {
            stage.Report(0, healthy: serves);
            await using var tls = await SecureAsync(await AnnouncedAsync(stage, slowly: true));
            Assert.Equal(subject, tls.RemoteCertificate!.Subject);
            Assert.StartsWith($"HTTP/1.1 {status} ", await GetAsync(tls), StringComparison.Ordinal);
        }

        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 2);
        Assert.All(stage.Logs.Ends, end => Assert.Equal("192.0.2.7:4711", end["Client"]));

        // From such a network without one: closed.
        using var silent = await RawClient.ConnectAsync(stage.EndPoint, Loopback.Next());
        await silent.SendAsync("\u0016\u0003\u0001\u0000\u0005\u0001\u0000\u0000\u0001\u0000");
        await silent.HowItEndsAsync();
        await Eventually.TrueAsync(() => stage.Logs.Ends.Count == 3);
        Assert.Equal("bad_preface", stage.Logs.Ends[^1]["End"]);
    }

    [Fact]
    public async Task Events_inside_tls_arrive_one_by_one()
    {
        using var next = new SemaphoreSlim(0);
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            context.Response.ContentType = "text/event-stream";
            for (var i = 0; i < 3; i++)
            {
                await context.Response.WriteAsync($"data: {i}\n\n");
                await context.Response.Body.FlushAsync();
                await next.WaitAsync(context.RequestAborted);
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: _certificates);
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var client = stage.Client(version);
            using var events = new StreamReader(await client.GetStreamAsync("/"));
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal($"data: {i}", await events.ReadLineAsync());
                Assert.Equal("", await events.ReadLineAsync());
                next.Release();
            }

            Assert.Null(await events.ReadLineAsync());
        }
    }

    [Fact]
    public async Task A_client_inside_tls_that_waits_for_100_continue_is_told_when_the_backend_wants_the_body()
    {
        await using var backend = await HttpBackend.StartAsync(async context =>
        {
            if (context.Request.Path == "/no")
            {
                context.Response.StatusCode = 403;
                return;
            }

            context.Response.ContentLength = 4;
            await context.Request.Body.CopyToAsync(context.Response.Body);
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], certificates: _certificates);
        await using var tls = await stage.ConnectTlsAsync(Host);
        using var answers = new StreamReader(tls, Encoding.Latin1);

        await tls.WriteAsync("POST /yes HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"u8.ToArray());
        Assert.Equal("HTTP/1.1 100 Continue", await answers.ReadLineAsync());
        Assert.Equal("", await answers.ReadLineAsync());
        await tls.WriteAsync("body"u8.ToArray());
        Assert.Equal("HTTP/1.1 200 OK", await answers.ReadLineAsync());
        while (await answers.ReadLineAsync() is { Length: > 0 })
        {
        }

        var body = new char[4];
        await answers.ReadBlockAsync(body);
        Assert.Equal("body", new string(body));
        await tls.WriteAsync("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\nExpect: 100-continue\r\n\r\n"u8.ToArray());
        Assert.Equal("HTTP/1.1 403 Forbidden", await answers.ReadLineAsync());
    }

    [NeedsTheory("root")]
    [MemberData(nameof(Relays))]
    public async Task Behind_a_transparent_tls_listener_the_backend_sees_the_clients_own_address(RelayEngine relay)
    {
        await using var backend = await HttpBackend.StartAsync(
            context => context.Response.WriteAsync($"{context.Connection.RemoteIpAddress}"), HttpProtocols.Http1, certificate: TestCertificates.Make("the backend").TargetCertificate);
        await using var stage = await StageAsync(backend.EndPoint, relay, settings => settings with { Transparent = true });
        var client = Loopback.Next();

        await using var tls = await SecureAsync(await ConnectAsync(stage, client));

        Assert.Contains($"\r\n{client}\r\n", await GetAsync(tls), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Relays))]
    public async Task Under_a_steady_stream_of_clients_down_and_up_again_refuses_not_one(RelayEngine relay)
    {
        await using var backend = await HttpBackend.StartAsync(
            context => context.Response.WriteAsync("served"), HttpProtocols.Http1, certificate: TestCertificates.Make("the backend").TargetCertificate);
        await using var stage = await StageAsync(backend.EndPoint, relay, settings => settings with { CloseOnDown = false });
        var (passed, answered) = (0, 0);
        using var stop = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await using var tls = await stage.ConnectTlsAsync(Host);
                var answer = await GetAsync(tls);
                if (answer.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal))
                {
                    Interlocked.Increment(ref passed);
                }
                else
                {
                    Assert.StartsWith("HTTP/1.1 503 ", answer, StringComparison.Ordinal);
                    Interlocked.Increment(ref answered);
                }
            }
        })).ToArray();

        for (var round = 1; round <= 5; round++)
        {
            var before = Volatile.Read(ref passed);
            await Eventually.TrueAsync(() => Volatile.Read(ref passed) > before + 20 || clients.Any(client => client.IsFaulted));
            stage.Report(0, healthy: false);
            var unserved = Volatile.Read(ref answered);
            await Eventually.TrueAsync(() => Volatile.Read(ref answered) > unserved + 20 || clients.Any(client => client.IsFaulted));
            stage.Report(0, healthy: true);
        }

        await stop.CancelAsync();
        await Task.WhenAll(clients);
        Assert.Equal(0, stage.Status.Refused);
    }

    private static async Task<NetworkStream> ConnectAsync(HttpStage stage, IPAddress from)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(stage.EndPoint);
        return new(socket, ownsSocket: true);
    }

    /// <summary>A connection of a proxy, its header sent.</summary>
    private static async Task<NetworkStream> AnnouncedAsync(HttpStage stage, bool slowly)
    {
        var stream = await ConnectAsync(stage, Loopback.Next());
        foreach (var piece in slowly ? [Header[..9], Header[9..]] : new[] { Header })
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(piece));
        }

        return stream;
    }

    private static async Task<SslStream> SecureAsync(Stream stream)
    {
        var tls = new SslStream(stream);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = Host, RemoteCertificateValidationCallback = TestCertificates.Any });
        return tls;
    }

    private static async Task<string> GetAsync(SslStream tls)
    {
        await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {Host}\r\nConnection: close\r\n\r\n"));
        return await new StreamReader(tls).ReadToEndAsync();
    }

    private Task<HttpStage> StageAsync(IPEndPoint backend, RelayEngine relay, Func<ListenerSettings, ListenerSettings> more) => HttpStage.StartAsync(
        [backend], settings => more(settings with { Protocol = ListenerProtocol.Tls, Engine = relay }), certificates: _certificates);
}
