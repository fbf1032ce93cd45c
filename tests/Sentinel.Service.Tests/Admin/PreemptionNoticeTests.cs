using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Sentinel.Backends;

namespace Sentinel.Service.Tests.Admin;

public sealed class PreemptionNoticeTests
{
    [Fact]
    public async Task A_VM_is_heard()
    {
        await using var admin = await AdminFixture.StartAsync();
        admin.Report("spot-1", BackendState.Noticed, healthy: true);

        Assert.Equal(HttpStatusCode.Accepted, await PostAsync(admin, """{"instance":"process/spot-1","at":"2025-12-31T23:59:59Z"}"""));
        Assert.Equal([("process/spot-1", new DateTimeOffset(2025, 12, 31, 23, 59, 59, TimeSpan.Zero))], admin.Desk.Notices);
    }

    [Theory]
    [InlineData("""{"instance":"gce/us-central1-a/nobody"}""", HttpStatusCode.NotFound)]
    [InlineData("""{"instance":""}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"at":"2026-01-01T00:00:00Z"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"instance":"process/spot-1","at":"soon"}""", HttpStatusCode.BadRequest)]
    [InlineData("preempted!", HttpStatusCode.BadRequest)]
    public async Task What_makes_no_sense_is_refused(string body, HttpStatusCode expected)
    {
        await using var admin = await AdminFixture.StartAsync();

        Assert.Equal(expected, await PostAsync(admin, body));
    }

    [Fact]
    public async Task An_old_notice_says_nothing_of_the_VM_that_runs_now()
    {
        await using var admin = await AdminFixture.StartAsync();

        Assert.Equal(HttpStatusCode.Conflict, await PostAsync(admin, """{"instance":"process/spot-1","at":"2025-12-31T23:57:59Z"}"""));
        Assert.Empty(admin.Desk.Notices);
    }

    [Fact]
    public async Task Nobody_is_heard_without_the_token()
    {
        await using var admin = await AdminFixture.StartAsync();

        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(admin, """{"instance":"process/spot-1"}""", token: null));
        Assert.Empty(admin.Desk.Notices);
    }

    private static async Task<HttpStatusCode> PostAsync(AdminFixture admin, string body, string? token = AdminFixture.Token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/preemption-notice") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        using var response = await admin.Http.SendAsync(request);
        return response.StatusCode;
    }
}
