using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>What of a message passes, and what does not.</summary>
public sealed class MessageTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/a//b/%2e%2e/%7Euser/%c3%a9?x=%20+%2F&y=a;b|c")]
    [InlineData("/a/./b/../c")]
    [InlineData("//not-a-host/path")]
    [InlineData("/%2F%5c?")]
    [InlineData("/?q=http://x/y?z")]
    public async Task The_request_target_passes_as_it_was_written(string target)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync($"GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");

        Assert.Contains($"GET {target} HTTP/1.1", await client.ReadToEndAsync(), StringComparison.Ordinal);
    }

    /// <summary>To its backend it is another method than <c>HEAD</c>, and its answer has a body.</summary>
    [Fact]
    public async Task The_body_that_answers_head_in_lower_case_is_nobody_elses_answer()
    {
        using var goOn = new SemaphoreSlim(0);
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is { } request)
            {
                var body = request.Split('\r')[0];
                await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n");
                await goOn.WaitAsync();
                await peer.SendAsync(body);
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        foreach (var request in new[] { "head /first HTTP/1.1", "GET /second HTTP/1.1" })
        {
            using var client = await RawClient.ConnectAsync(stage.EndPoint);
            await client.SendAsync($"{request}\r\nHost: h\r\nConnection: close\r\n\r\n");
            var head = await client.ReadHeadAsync();
            goOn.Release();

            Assert.StartsWith("HTTP/1.1 200 ", head, StringComparison.Ordinal);
            Assert.Equal(request, await client.ReadToEndAsync());
        }

        Assert.Equal(1, backend.Connections);
    }

    [Fact]
    public async Task An_absolute_target_becomes_a_path_and_its_authority_the_host()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("GET http://shop.example:8080/p?q HTTP/1.1\r\nHost: forged\r\nConnection: close\r\n\r\n");
        var answer = await client.ReadToEndAsync();

        Assert.Contains("GET /p?q HTTP/1.1\n", answer, StringComparison.Ordinal);
        Assert.Contains("\nHost: shop.example:8080\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Host: shop.example:8080\n", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "http://h/a%2Fb%3Bc/%7e?d%2F", "/a%2Fb%3Bc/%7e?d%2F")]
    [InlineData("GET", "http://h/pub/..%2fadmin", "/pub/..%2fadmin")]
    [InlineData("GET", "http://h/pub/../x", "/pub/../x")]
    [InlineData("GET", "http://user:word@h", "/")]
    [InlineData("GET", "http://h?q", "/?q")]
    [InlineData("OPTIONS", "http://h", "*")]
    [InlineData("OPTIONS", "http://h/", "/")]
    public async Task Of_an_absolute_target_the_rest_passes_as_it_was_written(string method, string target, string passed)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 204 No Content\r\n\r\n");
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        foreach (var head in new[] { "HTTP/1.1\r\nHost: h", "HTTP/1.0" })
        {
            using var client = await RawClient.ConnectAsync(stage.EndPoint);
            await client.SendAsync($"{method} {target} {head}\r\nConnection: close\r\n\r\n");
            Assert.Contains(" 204 ", await client.ReadHeadAsync(), StringComparison.Ordinal);

            var got = backend.Requests[^1];
            Assert.StartsWith($"{method} {passed} HTTP/1.1\r\n", got, StringComparison.Ordinal);
            Assert.Contains("\r\nHost: h\r\n", got, StringComparison.Ordinal);
            Assert.Contains("\r\nX-Forwarded-Host: h\r\n", got, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("http://h#/admin")]
    [InlineData("http://h/a\\..\\b")]
    [InlineData("http://h/%00")]
    public async Task An_absolute_target_that_could_be_cut_in_two_ways_is_refused(string target)
    {
        using var backend = new ScriptedBackend(peer => Task.CompletedTask);
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync($"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");

        Assert.Contains(" 400 ", await client.ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Empty(backend.Requests);
    }

    [Theory]
    [InlineData("close, x-ONE", true)]
    [InlineData("x-one,Close", true)]
    [InlineData("x-one, keep-alive", false)]
    [InlineData("Keep-Alive,x-one", false)]
    [InlineData("x-one, x-close", false)]
    [InlineData("upgrade, x-one", false)]
    [InlineData("n x-one, keep-alive, close", true)]
    [InlineData("close\r\nConnection: x-one", true)]
    [InlineData("upgrade\r\nConnection: x-one", false)]
    [InlineData("x-one,\tclose", false)]
    public async Task What_is_said_to_be_for_one_hop_does_not_pass_whatever_else_is_said(string options, bool closes)
    {
        using var backend = new ScriptedBackend(async peer =>
        {
            while (await peer.ReadHeadAsync() is not null)
            {
                await peer.SendAsync("HTTP/1.1 204 No Content\r\n\r\n");
            }
        });
        await using var stage = await HttpStage.StartAsync([backend.EndPoint]);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);
        var more = options.Replace("n ", string.Concat(Enumerable.Range(0, 8_000).Select(i => $"n{i}, ")), StringComparison.Ordinal);

        await client.SendAsync($"GET / HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nX-Two: 2\r\nConnection: {more}\r\n\r\n");
        Assert.Contains(" 204 ", await client.ReadHeadAsync(), StringComparison.Ordinal);

        Assert.DoesNotContain("X-One", backend.Requests[0], StringComparison.OrdinalIgnoreCase);
        Assert.Contains("\r\nX-Two: 2\r\n", backend.Requests[0], StringComparison.Ordinal);
        if (closes)
        {
            Assert.Equal("end", await client.HowItEndsAsync());
        }
        else
        {
            await client.SendAsync("GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
            Assert.Contains(" 204 ", await client.ReadHeadAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Host_passes_as_it_was_written()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("GET / HTTP/1.1\r\nHost: Shop.Example:8080\r\nConnection: close\r\n\r\n");

        Assert.Contains("\nHost: Shop.Example:8080\n", await client.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_client_claims_about_its_connection_is_replaced()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint, IPAddress.Parse("127.22.255.9"));

        await client.SendAsync(
            "GET / HTTP/1.1\r\nHost: real\r\nConnection: close\r\n"
            + "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\nx-forwarded-proto: https\r\nX-Forwarded-Host: forged\r\n"
            + "X-Forwarded-Port: 443\r\nX-Forwarded-Prefix: /x\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Proto: https\r\n"
            + "Forwarded: for=6.6.6.6;proto=https\r\nX-Real-IP: 6.6.6.6\r\nX_REAL_IP: 6.6.6.6\r\nX-Forwarding: stays\r\n\r\n");
        var answer = await client.ReadToEndAsync();

        Assert.DoesNotContain("6.6.6.6", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("7.7.7.7", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("forged", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("https", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Prefix", answer, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("Port", answer, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("X-Forwarding: stays\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-For: 127.22.255.9\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Proto: http\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Host: real\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_cannot_have_the_sentinels_fields_removed_as_hop_by_hop()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(
            "GET / HTTP/1.1\r\nHost: real\r\nConnection: X-Forwarded-For, X-Forwarded-Proto, Host, x-mine, @bad@\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nTE: gzip\r\nProxy-Connection: x\r\n\r\n");
        await client.ReadHeadAsync();
        var answer = await client.ReadChunkAsync();

        Assert.Contains("X-Forwarded-For: 127.0.0.1\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Proto: http\n", answer, StringComparison.Ordinal);
        Assert.Contains("Host: real\n", answer, StringComparison.Ordinal);
        foreach (var gone in new[] { "X-Mine:", "Keep-Alive:", "TE:", "Proxy-Connection:", "\nConnection:" })
        {
            Assert.DoesNotContain(gone, answer, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Fields_pass_as_the_bytes_they_are_in_both_directions()
    {
        string? seen = null;
        await using var backend = await HttpBackend.StartAsync(context =>
        {
            seen = context.Request.Headers["X-Bytes"];
            context.Response.Headers.Append("Set-Cookie", "a=1; Path=/");
            context.Response.Headers.Append("Set-Cookie", "b=2");
            context.Response.Headers["X-Answer"] = "caf\u00e9";
            return Task.CompletedTask;
        }, latin1: true);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        // "é" in Latin-1 and in UTF-8
        await client.SendAsync("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Bytes: \u00e9 \u00c3\u00a9\r\n\r\n");
        var answer = await client.ReadToEndAsync();

        Assert.Equal("\u00e9 \u00c3\u00a9", seen);
        Assert.Contains("X-Answer: caf\u00e9\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n", answer, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Statuses_reasons_and_packed_bodies_pass_unchanged()
    {
        await using var backend = await HttpBackend.StartAsync(context =>
        {
            context.Response.StatusCode = 302;
            context.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase = "Over There";
            context.Response.Headers.Location = "http://elsewhere/";
            context.Response.Headers.ContentEncoding = "gzip";
            return context.Response.WriteAsync("not really gzip");
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = stage.Client();

        using var answer = await client.GetAsync("/");

        Assert.Equal(HttpStatusCode.Found, answer.StatusCode);
        Assert.Equal("Over There", answer.ReasonPhrase);
        Assert.Equal("http://elsewhere/", answer.Headers.Location!.ToString());
        Assert.Equal("not really gzip", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_head_request_gets_the_length_and_no_body_and_the_connection_goes_on()
    {
        await using var backend = await HttpBackend.StartAsync(context =>
        {
            context.Response.ContentLength = 5;
            return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.WriteAsync("hello");
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");

        Assert.Contains("Content-Length: 5\n", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.Equal("hello", (await client.ReadAnswerAsync()).Body);
    }

    [Theory]
    [InlineData("GET /old HTTP/1.0\r\nHost: h\r\n\r\n", "GET /old HTTP/1.1\nHost: h\n")]
    [InlineData("GET /old HTTP/1.0\r\nHost:\r\n\r\n", "GET /old HTTP/1.1\nHost: \n")]
    [InlineData("GET /old HTTP/1.0\r\nX: y\r\n\r\n", "GET /old HTTP/1.0\nX: y\n")]
    [InlineData("POST /old HTTP/1.0\r\nContent-Length: 2\r\n\r\nok", "POST /old HTTP/1.0\nContent-Length: 2\n")]
    public async Task A_client_of_http_1_0_is_served_and_let_go_and_no_host_is_made_up_for_it(string request, string seen)
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        for (var i = 0; i < 2; i++)
        {
            using var client = await RawClient.ConnectAsync(stage.EndPoint);

            await client.SendAsync(request);
            var answer = await client.ReadToEndAsync();

            Assert.Contains($"\n{seen}", answer, StringComparison.Ordinal);
            Assert.DoesNotContain(backend.EndPoint.Address.ToString(), answer, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n", "405")]
    [InlineData("GET / HTTP/1.1\r\n\r\n", "400")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "400")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "400")]
    [InlineData("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400")]
    [InlineData("rubbish\r\n\r\n", "400")]
    public async Task What_is_no_request_for_a_backend_never_reaches_one(string request, string status)
    {
        var reached = false;
        await using var backend = await HttpBackend.StartAsync(_ =>
        {
            reached = true;
            return Task.CompletedTask;
        });
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync(request);

        Assert.StartsWith($"HTTP/1.1 {status} ", await client.ReadHeadAsync(), StringComparison.Ordinal);
        Assert.False(reached);
    }
}
