using System.Net;
using Microsoft.AspNetCore.Http;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http;

public sealed class ForwardingTests
{
    [Fact]
    public async Task A_request_reaches_its_backend_and_the_answer_its_client()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = stage.Client();

        var answer = await client.GetStringAsync("/a/b?c=d");

        Assert.StartsWith("GET /a/b?c=d HTTP/1.1\n", answer, StringComparison.Ordinal);
        Assert.Contains($"Host: {stage.EndPoint}\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-For: 127.0.0.1\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Proto: http\n", answer, StringComparison.Ordinal);
        Assert.Contains($"X-Forwarded-Host: {stage.EndPoint}\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_with_prior_knowledge_speaks_http2_on_the_same_port()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend);
        using var client = stage.Client(HttpVersion.Version20);

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => client.GetStringAsync($"/{i}")));

        Assert.All(answers, (answer, i) => Assert.StartsWith($"GET /{i} HTTP/1.1\n", answer, StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_connection_is_told_of_once_when_it_ends()
    {
        await using var backend = await HttpBackend.StartAsync(context => context.Response.WriteAsync("hello"));
        await using var stage = await HttpStage.StartAsync(backend);
        using (var client = stage.Client())
        {
            await client.GetStringAsync("/1");
            await client.GetStringAsync("/2");
            Assert.Equal(1, stage.Status.Connections);
        }

        await Eventually.TrueAsync(() => stage.Status.Connections == 0 && stage.Logs.Ends.Count == 1);
        var end = stage.Logs.Ends[0].Fields;
        Assert.Equal("completed", end["End"]);
        Assert.Equal("spot-1", end["Backend"]!.ToString());
        Assert.InRange((long)end["ToBackend"]!, 60, 600);
        Assert.InRange((long)end["ToClient"]!, 100, 600);
        Assert.Equal(0, stage.Load(0).Connections);
    }
}
