using System.Text.Json;
using Sentinel.Certificates.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>What an authority says of its reasons.</summary>
public sealed class AcmeProblemTests
{
    [Fact]
    public void A_problem_is_shown_whole_with_its_parts_and_steers_no_terminal()
    {
        // RFC 8555 §6.7.1, with something that it does not foresee.
        var problem = JsonSerializer.Deserialize(
            """
            {
              "type": "urn:ietf:params:acme:error:malformed", "detail": "Some of the identifiers requested were rejected", "status": 400,
              "subproblems": [
                { "type": "urn:ietf:params:acme:error:malformed", "detail": "Invalid underscore in DNS name \"_example.org\"", "identifier": { "type": "dns", "value": "_example.org" } },
                { "type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": "This CA will not issue\u001b[2J for it", "identifier": { "type": "dns", "value": "example.net" } },
                { "type": "https://ca.test/odd" }
              ]
            }
            """,
            AcmeJson.Default.AcmeProblem)!;

        Assert.Equal(
            "malformed: Some of the identifiers requested were rejected (400) [_example.org: malformed: Invalid underscore in DNS name \"_example.org\"; "
            + "example.net: rejectedIdentifier: This CA will not issue [2J for it; https://ca.test/odd]",
            problem.ToString());
        Assert.Equal(problem.ToString(), new AcmeException(problem, null).Message);
    }

    [Fact]
    public void One_without_end_is_cut_short() => Assert.Equal(4001, new AcmeProblem { Detail = new string('x', 100_000) }.ToString().Length);

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"status":null,"identifiers":null,"authorizations":null,"challenges":null,"identifier":null,"orders":null,"meta":null}""")]
    public void What_is_left_out_or_null_is_empty(string text)
    {
        Assert.Empty(JsonSerializer.Deserialize(text, AcmeJson.Default.OrderDocument)!.Authorizations);
        Assert.Empty(JsonSerializer.Deserialize(text, AcmeJson.Default.OrdersDocument)!.Orders);
        Assert.Empty(JsonSerializer.Deserialize(text, AcmeJson.Default.AuthorizationDocument)!.Challenges);
        Assert.Equal("refused", JsonSerializer.Deserialize(text, AcmeJson.Default.AcmeProblem)!.ToString());
        var urls = """{"newNonce":"https://ca.test/n","newAccount":"https://ca.test/a","newOrder":"https://ca.test/o",""" + text[1..].Insert(0, text == "{}" ? "\"x\":0" : "");
        Assert.False(JsonSerializer.Deserialize(urls, AcmeJson.Default.DirectoryDocument)!.Meta.ExternalAccountRequired);
    }
}
