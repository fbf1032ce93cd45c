using System.Net;
using Microsoft.AspNetCore.Http;
using Sentinel.Service.Admin;

namespace Sentinel.Service.Tests.Admin;

public sealed class AccessTests
{
    [Theory]
    [InlineData("GET", "/", true, false)]
    [InlineData("GET", "/status", true, false)]
    [InlineData("HEAD", "/status", true, false)]
    [InlineData("GET", "/nowhere", true, false)]
    [InlineData("GET", "/v1/backends/spot-1", true, true)]
    [InlineData("GET", "/V1/anything", true, true)]
    [InlineData("POST", "/v1/backends/spot-1/recover", true, true)]
    [InlineData("POST", "/status", true, true)]
    [InlineData("DELETE", "/healthz", true, true)]
    [InlineData("GET", "/", false, true)]
    [InlineData("GET", "/events", false, true)]
    [InlineData("GET", "/status", false, true)]
    [InlineData("GET", "/nowhere", false, true)]
    [InlineData("GET", "/healthz", false, false)]
    [InlineData("GET", "/readyz", false, false)]
    [InlineData("HEAD", "/metrics", false, false)]
    [InlineData("POST", "/metrics", false, true)]
    [InlineData("GET", "/metrics/more", false, true)]
    public void The_token_is_needed_where_the_contract_says_so(string method, string path, bool onLoopback, bool needed) =>
        Assert.Equal(needed, Access.NeedsToken(method, new PathString(path), onLoopback));

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.8.9.1", true)]
    [InlineData("::1", true)]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST", true)]
    [InlineData("sentinel.localhost", true)]
    [InlineData("front-1", true)]
    [InlineData("", true)]
    [InlineData("evil.example", false)]
    [InlineData("127.0.0.1.evil.example", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("10.0.0.1", false)]
    [InlineData("front-10", false)]
    public void Only_our_own_names_are_answered_on_loopback(string host, bool ours) => Assert.Equal(ours, Access.IsOurHost(host, "front-1"));

    [Theory]
    [InlineData("Bearer secret", true)]
    [InlineData("bearer secret", true)]
    [InlineData("Bearer  secret ", true)]
    [InlineData("Bearer secre", false)]
    [InlineData("Bearer secrets", false)]
    [InlineData("Bearer ", false)]
    [InlineData("Basic secret", false)]
    [InlineData("secret", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Only_the_token_itself_is_accepted(string? authorization, bool accepted) => Assert.Equal(accepted, new AdminToken("secret").IsShownBy(authorization));

    [Fact]
    public async Task Without_the_token_what_exists_and_what_does_not_look_the_same()
    {
        await using var admin = await AdminFixture.StartAsync();
        var seen = new HashSet<string>();
        foreach (var path in (string[])["/v1/backends/spot-1/recover", "/v1/backends/none/recover", "/v1/backends/spot-1/explode", "/v1/none"])
        {
            foreach (var token in (string?[])[null, "wrong"])
            {
                using var response = await admin.SendAsync(HttpMethod.Post, path, token);
                seen.Add($"{(int)response.StatusCode} {string.Join('|', response.Headers.Where(header => header.Key != "Date").Select(header => $"{header.Key}={string.Join(',', header.Value)}"))} {await response.Content.ReadAsStringAsync()}");
            }
        }

        Assert.StartsWith("401 ", Assert.Single(seen), StringComparison.Ordinal);
        Assert.Empty(admin.Desk.Asked);
    }

    [Fact]
    public async Task Off_loopback_only_monitors_get_by_without_the_token()
    {
        await using var admin = await AdminFixture.StartAsync(IPAddress.Any);
        foreach (var path in (string[])["/", "/status", "/events", "/outages", "/outages/x", "/nowhere", "/v1/backends/spot-1"])
        {
            using var response = await admin.SendAsync(HttpMethod.Get, path);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }

        Assert.Equal("""{"status":"ok"}""", await admin.Http.GetStringAsync("/healthz"));
        using var status = await admin.SendAsync(HttpMethod.Get, "/status", AdminFixture.Token, host: "anything.example");
        Assert.Equal(HttpStatusCode.OK, status.StatusCode);
    }

    [Fact]
    public async Task A_page_that_points_its_own_name_at_loopback_reads_nothing()
    {
        await using var admin = await AdminFixture.StartAsync();

        using var response = await admin.SendAsync(HttpMethod.Get, "/status", host: "evil.example");

        Assert.Equal(HttpStatusCode.MisdirectedRequest, response.StatusCode);
        Assert.DoesNotContain("spot-1", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_larger_than_any_request_needs_is_refused_or_ignored()
    {
        await using var admin = await AdminFixture.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/backends/spot-1/recover") { Content = new ByteArrayContent(new byte[1 << 20]) };

        try
        {
            using var response = await admin.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }
        catch (HttpRequestException)
        {
            // refused and closed while the rest of it was still on its way: the answer is lost to the reset
        }

        Assert.Equal("""{"status":"ok"}""", await admin.Http.GetStringAsync("/healthz"));
    }
}
