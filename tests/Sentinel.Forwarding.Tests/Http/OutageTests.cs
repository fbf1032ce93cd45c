using System.Net;
using System.Text.Json;
using Sentinel.Backends;
using Sentinel.Forwarding.Http.Answers;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>What clients are told while nobody can serve them.</summary>
public sealed class OutageTests
{
    private const string Browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

    [Fact]
    public async Task People_get_a_page_that_says_what_happens_and_asks_again_by_itself()
    {
        await using var stage = await DownAsync(new Outlook(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(70)));
        using var answer = await AskAsync(stage, "/shop?x=1", Browser);
        var page = await answer.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("text/html; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        Assert.True(answer.Headers.CacheControl!.NoStore);
        Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 40, 51);
        Assert.Contains("Accept", answer.Headers.Vary);
        Assert.Contains("<meta http-equiv=\"refresh\" content=\"5\">", page, StringComparison.Ordinal);
        Assert.Contains("went away", page, StringComparison.Ordinal);
        Assert.Contains("It has been away for 20 seconds.", page, StringComparison.Ordinal);
        Assert.Contains("This usually takes 1 minute in all, so it should be back in about 50 seconds.", page, StringComparison.Ordinal);
        Assert.Contains("<html lang=\"en\">", page, StringComparison.Ordinal);
        Assert.Contains("prefers-color-scheme: dark", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("shop", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("*/*")]
    [InlineData("application/json")]
    [InlineData("text/html;q=0.5, application/json")]
    public async Task Programs_get_a_problem(string? accept)
    {
        await using var stage = await DownAsync(new Outlook(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(70)));
        using var answer = await AskAsync(stage, "/", accept);
        using var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.ToString());
        Assert.True(answer.Headers.CacheControl!.NoStore);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal("about:blank", problem.RootElement.GetProperty("type").GetString());
        Assert.Equal("Service Unavailable", problem.RootElement.GetProperty("title").GetString());
        Assert.Equal(503, problem.RootElement.GetProperty("status").GetInt32());
        Assert.Contains("went away", problem.RootElement.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.InRange(problem.RootElement.GetProperty("expectedSeconds").GetInt32(), 40, 51);
        Assert.True(problem.RootElement.TryGetProperty("since", out _));
    }

    [Fact]
    public async Task A_head_request_gets_the_same_head_and_no_body()
    {
        await using var stage = await DownAsync();
        using var client = stage.Client();
        using var request = new HttpRequestMessage(HttpMethod.Head, "/");

        using var answer = await client.SendAsync(request);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.True(answer.Content.Headers.ContentLength > 100);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task Who_sent_something_is_told_to_send_it_again_and_no_page_does_it_for_him()
    {
        await using var stage = await DownAsync();
        using var client = stage.Client();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/") { Content = new StringContent("x") };
        request.Headers.TryAddWithoutValidation("Accept", Browser);

        using var answer = await client.SendAsync(request);
        var page = await answer.Content.ReadAsStringAsync();

        Assert.DoesNotContain("http-equiv", page, StringComparison.Ordinal);
        Assert.Contains("Your request was not carried out.", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_operators_page_takes_the_place_of_ours_for_people_only()
    {
        using var file = new TemporaryFile("<h1>caf\u00e9 closed</h1>");
        await using var stage = await HttpStage.StartAsync([new(Loopback.Next(), 1)], settings => settings with { OutagePage = file.Path });
        stage.Report(0, healthy: false);

        using var page = await AskAsync(stage, "/", Browser);
        Assert.Equal("<h1>caf\u00e9 closed</h1>", await page.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.ServiceUnavailable, page.StatusCode);
        Assert.False(page.Headers.Contains("Content-Security-Policy"));
        using var problem = await AskAsync(stage, "/", "application/json");
        Assert.Equal("application/problem+json", problem.Content.Headers.ContentType!.ToString());

        // read again at a reload, though nothing else changed; one that cannot be read changes nothing
        file.Write("<h1>new</h1>");
        Assert.Empty(await stage.ReloadAsync(stage.Settings));
        Assert.Equal("<h1>new</h1>", await (await AskAsync(stage, "/", Browser)).Content.ReadAsStringAsync());
        file.Write(new string('x', OutagePage.Largest + 1));
        Assert.Contains("more than the 1048576 bytes", Assert.Single(await stage.ReloadAsync(stage.Settings)).Reason, StringComparison.Ordinal);
        File.Delete(file.Path);
        Assert.Contains(file.Path, Assert.Single(await stage.ReloadAsync(stage.Settings)).Reason, StringComparison.Ordinal);
        Assert.Equal("<h1>new</h1>", await (await AskAsync(stage, "/", Browser)).Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task The_live_status_is_there_while_the_pool_is_down_and_belongs_to_the_backend_otherwise()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        await using var stage = await HttpStage.StartAsync(backend, settings => settings with { Hold = TimeSpan.FromMinutes(1) });
        Assert.StartsWith("GET /sentinel ", await (await AskAsync(stage, "/sentinel", Browser)).Content.ReadAsStringAsync(), StringComparison.Ordinal);

        stage.Report(0, healthy: false, BackendState.Starting);

        using var page = await AskAsync(stage, "/sentinel", Browser);
        var html = await page.Content.ReadAsStringAsync();
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Contains("<td>spot-1</td><td>starting</td>", html, StringComparison.Ordinal);
        Assert.Contains("http-equiv=\"refresh\"", html, StringComparison.Ordinal);
        Assert.DoesNotContain(backend.EndPoint.Address.ToString(), html, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(await (await AskAsync(stage, "/sentinel", "application/json")).Content.ReadAsStringAsync());
        Assert.False(json.RootElement.GetProperty("canServe").GetBoolean());
        Assert.Equal("starting", json.RootElement.GetProperty("backends")[0].GetProperty("state").GetString());
        Assert.Equal(0, stage.Status.Held);

        stage.Report(0, healthy: true);
        Assert.StartsWith("GET /sentinel ", await (await AskAsync(stage, "/sentinel", Browser)).Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_route_whose_pool_is_down_does_not_take_the_others_with_it()
    {
        await using var backend = await HttpBackend.StartAsync(HttpBackend.EchoHead);
        PoolDefinition[] pools = [new() { Id = HttpStage.Web, Backends = [HttpStage.Backend(0)] }, new() { Id = new("api"), Backends = [HttpStage.Backend(1)] }];
        await using var stage = await HttpStage.StartAsync(
            [backend.EndPoint, new(Loopback.Next(), 1)],
            settings => settings with { Routes = [new() { Path = "/api", Pool = new("api"), Port = 1 }] },
            pools);
        stage.Report(1, healthy: false);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await AskAsync(stage, "/api/x", null)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(stage, "/", null)).StatusCode);
    }

    [Fact]
    public async Task A_client_that_has_only_sent_the_head_of_an_upload_gets_the_answer()
    {
        await using var stage = await DownAsync();
        using var client = await RawClient.ConnectAsync(stage.EndPoint);

        await client.SendAsync("PUT /big HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\nExpect: 100-continue\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 503 ", (await client.ReadAnswerAsync()).Head, StringComparison.Ordinal);
    }

    private static async Task<HttpStage> DownAsync(IOutageOutlook? outlook = null)
    {
        var stage = await HttpStage.StartAsync([new(Loopback.Next(), 1)], outlook: outlook);
        stage.Report(0, healthy: false);
        return stage;
    }

    private static async Task<HttpResponseMessage> AskAsync(HttpStage stage, string path, string? accept)
    {
        using var client = stage.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        return await client.SendAsync(request);
    }

    private sealed class Outlook(TimeSpan down, TimeSpan? typical) : IOutageOutlook
    {
        public BackendOutlook? Of(BackendId backend) => new(TimeProvider.System.GetUtcNow() - down, typical);
    }

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(string text) => Write(text);

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Write(string text) => File.WriteAllText(Path, text);

        public void Dispose() => File.Delete(Path);
    }
}
