using System.Net;
using Sentinel.Jump.Placement;

namespace Sentinel.Service.Tests.Admin;

/// <summary><c>/v1/placements</c> and <c>/v1/keys/resync</c> as programs see them.</summary>
public sealed class PlacementApiTests
{
    [Fact]
    public async Task Each_request_reaches_its_user_and_answers_with_the_placement()
    {
        await using var admin = await AdminFixture.StartAsync();
        admin.Placement.Outcome = admin.Placement.Outcome with { Output = "made" };

        using var put = await admin.SendAsync(HttpMethod.Put, "/v1/placements/alice", AdminFixture.Token, body: """{"backend":"spot-1"}""");
        await admin.SendAsync(HttpMethod.Post, "/v1/placements/alice/auto", AdminFixture.Token);
        await admin.SendAsync(HttpMethod.Delete, "/v1/placements/alice", AdminFixture.Token);
        using var listed = await admin.SendAsync(HttpMethod.Get, "/v1/placements", AdminFixture.Token);

        Assert.Equal(["place alice spot-1", "place alice auto", "remove alice"], admin.Placement.Asked);
        const string Alice = """{"user":"alice","backend":"spot-1","by":"nobody","since":null,"pending":null,"gone":null,"clashes":[],"keys":0}""";
        Assert.Equal($$"""{"placement":{{Alice}},"message":"alice is placed on spot-1.","output":"made"}""", await put.Content.ReadAsStringAsync());
        Assert.Equal($$"""{"placements":[{{Alice}}],"backends":[]}""", await listed.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(PlacementResult.Unknown, HttpStatusCode.NotFound)]
    [InlineData(PlacementResult.BadName, HttpStatusCode.BadRequest)]
    [InlineData(PlacementResult.Refused, HttpStatusCode.Conflict)]
    [InlineData(PlacementResult.Unwritten, HttpStatusCode.InternalServerError)]
    [InlineData(PlacementResult.NotProvisioned, HttpStatusCode.BadGateway)]
    public async Task Refusals_are_problems_that_say_why(PlacementResult result, HttpStatusCode status)
    {
        await using var admin = await AdminFixture.StartAsync();
        admin.Placement.Outcome = new(result, "why not", Output: "no room");

        using var refused = await admin.SendAsync(HttpMethod.Post, "/v1/placements/alice/auto", AdminFixture.Token);

        Assert.Equal(status, refused.StatusCode);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType!.MediaType);
        Assert.EndsWith("\"detail\":\"why not\",\"output\":\"no room\"}", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_without_the_token_learns_or_changes_anything()
    {
        await using var admin = await AdminFixture.StartAsync();
        foreach (var (method, path) in new[]
                 {
                     (HttpMethod.Get, "/v1/placements"), (HttpMethod.Put, "/v1/placements/alice"), (HttpMethod.Post, "/v1/placements/alice/auto"), (HttpMethod.Delete, "/v1/placements/alice"),
                     (HttpMethod.Post, "/v1/keys/resync"),
                 })
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await admin.SendAsync(method, path, "wrong", body: method == HttpMethod.Get ? null : """{"backend":"spot-1"}""")).StatusCode);
        }

        Assert.Empty(admin.Placement.Asked);
    }

    [Fact]
    public async Task A_VM_says_that_its_users_changed_by_its_name()
    {
        await using var admin = await AdminFixture.StartAsync();

        using var told = await admin.SendAsync(HttpMethod.Post, "/v1/keys/resync", AdminFixture.Token, body: """{"backend":"spot-1"}""");
        Assert.Equal(HttpStatusCode.Accepted, told.StatusCode);
        Assert.Equal("""{"backend":"spot-1","users":7,"lastSuccess":null,"lastError":"it answered 401"}""", await told.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.NotFound, (await admin.SendAsync(HttpMethod.Post, "/v1/keys/resync", AdminFixture.Token, body: """{"backend":"spot-9"}""")).StatusCode);
        foreach (var body in (string?[])[null, "", "[]", "{}", """{"backend":7}""", """{"backend":""}""", new string('x', 5000)])
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await admin.SendAsync(HttpMethod.Post, "/v1/keys/resync", AdminFixture.Token, body: body)).StatusCode);
        }
    }
}
