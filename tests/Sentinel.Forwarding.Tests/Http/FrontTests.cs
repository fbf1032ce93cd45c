using System.Net;
using Microsoft.AspNetCore.Http;
using Sentinel.Forwarding.Http;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>What a listener answers before a backend is asked: redirects, challenges, limits on clients.</summary>
public sealed class FrontTests
{
    [Theory]
    [InlineData("GET /a//b/%2e%2e/%C3%A9?x=%20+y&z HTTP/1.1", "app.example.com", "https://app.example.com/a//b/%2e%2e/%C3%A9?x=%20+y&z")]
    [InlineData("GET / HTTP/1.1", "app.example.com:8080", "https://app.example.com/")]
    [InlineData("GET / HTTP/1.1", "[2001:db8::1]:80", "https://[2001:db8::1]/")]
    [InlineData("POST /a HTTP/1.1", "a.example", "https://a.example/a")]
    [InlineData("GET http://b.example/c?d HTTP/1.1", "a.example", "https://b.example/c?d")]
    [InlineData("GET //evil.example/ HTTP/1.1", "a.example", "https://a.example//evil.example/")]
    public async Task Clients_are_sent_to_the_same_place_over_https(string request, string host, string location)
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { RedirectToHttps = true });
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync($"{request}\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");

        var head = await client.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 308 Permanent Redirect\n", head, StringComparison.Ordinal);
        Assert.Contains($"\nLocation: {location}\n", head, StringComparison.Ordinal);
        Assert.DoesNotContain("Strict-Transport-Security", head, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Who_names_no_host_cannot_be_sent_anywhere()
    {
        await using var stage = await HttpStage.StartAsync([], settings => settings with { RedirectToHttps = true });
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("GET / HTTP/1.0\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 400 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_challenge_is_answered_here_if_it_is_ours_and_otherwise_by_the_backend()
    {
        var certificates = new TestCertificates();
        certificates.KeyAuthorizations["ours"] = "ours.thumbprint";
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("the backend's"));
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint], settings => settings with { Name = "http", Protocol = Sentinel.Forwarding.Listeners.ListenerProtocol.Http, RedirectToHttps = true }, certificates: certificates);
        using var client = stage.Client();

        Assert.Equal("ours.thumbprint", await client.GetStringAsync(new Uri("/.well-known/acme-challenge/ours", UriKind.Relative)));
        Assert.Equal("the backend's", await client.GetStringAsync(new Uri("/.well-known/acme-challenge/theirs", UriKind.Relative)));
        using var other = await client.GetAsync(new Uri("/.well-known/acme-challenge", UriKind.Relative));
        Assert.Equal(HttpStatusCode.PermanentRedirect, other.StatusCode);
        stage.Report(0, healthy: false);
        Assert.Equal("ours.thumbprint", await client.GetStringAsync(new Uri("/.well-known/acme-challenge/ours", UriKind.Relative)));
    }

    [Fact]
    public async Task A_client_that_asks_too_fast_is_told_when_to_come_back_and_others_are_served()
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { RequestsPerSecond = 1 }, time: new ManualTimeProvider());
        using (var client = await RawClient.ConnectAsync(stage.EndPoint))
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 200 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
            await client.ReadChunkAsync();
            await client.ReadChunkAsync();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            var head = await client.ReadHeadAsync();
            Assert.StartsWith("HTTP/1.1 429 ", head, StringComparison.Ordinal);
            Assert.Contains("\nRetry-After: 1\n", head, StringComparison.Ordinal);
            Assert.Contains("Content-Type: application/problem+json", head, StringComparison.Ordinal);
        }

        using var other = await RawClient.ConnectAsync(stage.EndPoint, IPAddress.Parse("127.0.0.9"));
        await other.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await other.ReadHeadAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Streams_of_one_connection_count_together(bool tls)
    {
        var time = new ManualTimeProvider();
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("served"));
        await using var stage = await HttpStage.StartAsync([backend.EndPoint], settings => settings with { RequestsPerSecond = 3 }, certificates: tls ? new("h") : null, time: time);
        using var client = stage.Client(HttpVersion.Version20);

        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => client.GetAsync("/")));

        Assert.Equal(3, answers.Count(answer => answer.StatusCode == HttpStatusCode.OK));
        Assert.All(answers.Where(answer => answer.StatusCode != HttpStatusCode.OK), answer =>
        {
            Assert.Equal((HttpStatusCode.TooManyRequests, HttpVersion.Version20), (answer.StatusCode, answer.Version));
            Assert.Equal(TimeSpan.FromSeconds(1), answer.Headers.RetryAfter!.Delta);
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        });
        Assert.Equal(1, stage.Status.Accepted);

        // What was spent over HTTP/2 is spent for another connection too, and a third of a second brings one request.
        using var another = stage.Client();
        Assert.Equal(HttpStatusCode.TooManyRequests, (await another.GetAsync("/")).StatusCode);
        time.Advance(TimeSpan.FromSeconds(1) / 3);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await client.GetAsync("/")).StatusCode);
    }

    [Fact]
    public void A_seconds_worth_may_come_at_once_and_then_the_rate_holds()
    {
        var time = new ManualTimeProvider();
        var rates = new RequestRates(time);
        var client = Sentinel.Backends.ClientAddress.Of(IPAddress.Parse("192.0.2.1"));
        for (var i = 0; i < 10; i++)
        {
            Assert.Null(rates.Take(client, 10));
        }

        Assert.Equal(TimeSpan.FromMilliseconds(100), rates.Take(client, 10));
        time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Null(rates.Take(client, 10));
        Assert.NotNull(rates.Take(client, 10));
        rates.Forget();
        Assert.NotNull(rates.Take(client, 10));
        time.Advance(TimeSpan.FromSeconds(2));
        rates.Forget();
        Assert.Null(rates.Take(client, 10));
        Assert.Null(rates.Take(Sentinel.Backends.ClientAddress.Of(IPAddress.Parse("192.0.2.2")), 10));
    }
}
