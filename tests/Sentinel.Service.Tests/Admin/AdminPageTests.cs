using System.Text.RegularExpressions;
using Sentinel.Backends;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Tests.Admin;

public sealed partial class AdminPageTests
{
    [Fact]
    public async Task The_page_tells_it_all_without_a_script()
    {
        await using var admin = await AdminFixture.StartAsync();
        admin.Report("spot-2", BackendState.Serving, healthy: true);
        admin.Report("spot-1", BackendState.Waiting, healthy: false, "start refused: no capacity");
        admin.Desk.Histories["spot-1"] = new() { Preemptions = 3, NextAttempt = admin.Time.GetUtcNow() + TimeSpan.FromSeconds(65) };
        admin.Desk.Recorded.Add(new OutageDocument
        {
            Id = "20260101T000000Z-spot-1",
            Backend = "spot-1",
            Cause = "preempted",
            StartedAt = admin.Time.GetUtcNow(),
            Seconds = 0,
            Timeline = [new(admin.Time.GetUtcNow(), "opened", "cloud", "the cloud took it")],
        });

        admin.Certificates.Held.Add(new(["a.test", "b.test"], "backend:spot-9", admin.Time.GetUtcNow().AddDays(80), admin.Time.GetUtcNow().AddDays(50), "dns: no such name (400)", "0A"));

        var html = Tags().Replace(await admin.Http.GetStringAsync("/"), " ");

        foreach (var text in (string[])["a.test, b.test", "backend:spot-9", "2026-03-22 00:00:00Z", "2026-02-20 00:00:00Z", "dns: no such name (400)", "front-1", "Everything is served", "spot-1", "waiting", "start refused: no capacity", "1 m 5 s", "0.0.0.0:22", "the cloud took it", "Users", "At home", "it answered 401"])
        {
            Assert.Contains(text, html, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_others_wrote_is_text_and_never_markup()
    {
        const string Evil = "<img src=x onerror=alert(1)>\"'{{main}}";
        await using var admin = await AdminFixture.StartAsync(name: Evil);
        admin.Report("spot-1", BackendState.Suspect, healthy: true, Evil);
        admin.Desk.Recorded.Add(new OutageDocument
        {
            Id = Evil,
            Backend = Evil,
            Cause = Evil,
            StartedAt = admin.Time.GetUtcNow(),
            Timeline = [new(admin.Time.GetUtcNow(), Evil, Evil, Evil)],
        });

        var html = await admin.Http.GetStringAsync("/");

        Assert.DoesNotContain("<img", html, StringComparison.Ordinal);
        Assert.Contains("{{main}}: Everything", html, StringComparison.Ordinal);
        Assert.Contains("&lt;img src=x onerror=alert(1)&gt;", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_pages_own_policy_lets_only_its_own_script_run()
    {
        await using var admin = await AdminFixture.StartAsync();

        using var response = await admin.SendAsync(HttpMethod.Get, "/");

        var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.Matches(@"^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; connect-src 'self'", policy);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("no-store", response.Headers.CacheControl!.ToString());
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
    }

    [Fact]
    public async Task Events_come_at_once_and_then_when_something_changed()
    {
        await using var admin = await AdminFixture.StartAsync();
        using var response = await admin.SendAsync(HttpMethod.Get, "/events");
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.ToString());
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());

        Assert.Contains("\"state\":\"maintenance\"", await NextAsync(reader, admin), StringComparison.Ordinal);
        admin.Report("spot-1", BackendState.Serving, healthy: true);
        Assert.Contains("\"state\":\"proxy\"", await NextAsync(reader, admin), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Live_views_are_limited_and_their_places_come_free_again()
    {
        await using var admin = await AdminFixture.StartAsync();
        var views = new List<HttpResponseMessage>();
        for (var i = 0; i < 32; i++)
        {
            views.Add(await admin.SendAsync(HttpMethod.Get, "/events"));
        }

        using (var refused = await admin.SendAsync(HttpMethod.Get, "/events"))
        {
            Assert.Equal(503, (int)refused.StatusCode);
        }

        views.ForEach(view => view.Dispose());
        await Sentinel.Testing.Eventually.TrueAsync(async () =>
        {
            using var view = await admin.SendAsync(HttpMethod.Get, "/events");
            return view.IsSuccessStatusCode;
        });
    }

    /// <summary>The next event's data; the clock moves on until it comes.</summary>
    private static async Task<string> NextAsync(StreamReader reader, AdminFixture admin)
    {
        var line = reader.ReadLineAsync();
        while (true)
        {
            await Sentinel.Testing.Eventually.TrueAsync(() =>
            {
                admin.Time.Advance(TimeSpan.FromMilliseconds(500));
                return line.IsCompleted;
            });
            if (await line is { } text && text.StartsWith("data: ", StringComparison.Ordinal))
            {
                return text;
            }

            line = reader.ReadLineAsync();
        }
    }

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tags();
}
