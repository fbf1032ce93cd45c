using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Sentinel.Backends;
using Sentinel.Forwarding.Http;
using Sentinel.Forwarding.Http.Answers;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>The parts of answers of our own, by table.</summary>
public sealed class AnswerTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("", "Problem")]
    [InlineData("*/*", "Problem")]
    [InlineData("text/html", "Html")]
    [InlineData("TEXT/HTML; charset=utf-8", "Html")]
    [InlineData("text/*", "Html")]
    [InlineData("text/html, */*", "Html")]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Html")]
    [InlineData("text/html;q=0.9, application/json", "Problem")]
    [InlineData("text/html, application/json;q=0.9", "Html")]
    [InlineData("text/html, application/json", "Problem")]
    [InlineData("text/html;q=0, */*", "Problem")]
    [InlineData("text/html;q=0", "Problem")]
    [InlineData("text/html;q=0.1", "Html")]
    [InlineData("text/*;q=0.3, text/html;q=0.7, */*;q=0.5", "Html")]
    [InlineData("text/*, application/*", "Problem")]
    [InlineData("text/html, application/problem+json;q=0.5, application/json;q=0.1", "Html")]
    [InlineData("application/problem+json;q=0.5, text/html;q=0.4", "Problem")]
    [InlineData("image/png", "Problem")]
    [InlineData("text/html;q=nonsense", "Html")]
    [InlineData("nonsense, text/html", "Html")]
    [InlineData(",,, text/html ,", "Html")]
    [InlineData("text/event-stream", "Problem")]
    public void The_form_is_what_the_client_would_rather_have(string accept, string form) =>
        Assert.Equal(form, Acceptable.Form(accept.Length == 0 ? StringValues.Empty : new StringValues(accept)).ToString());

    [Fact]
    public void Several_accept_fields_count_as_one() =>
        Assert.Equal(AnswerForm.Html, Acceptable.Form(new StringValues(["application/json;q=0.5", "text/html"])));

    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("application/grpc+proto", true)]
    [InlineData("application/grpc; charset=x", true)]
    [InlineData("Application/gRPC", true)]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/grpc-web+proto", false)]
    [InlineData("application/grpcx", false)]
    [InlineData("application/json", false)]
    [InlineData(null, false)]
    public void Grpc_is_told_by_its_content_type(string? contentType, bool isGrpc) => Assert.Equal(isGrpc, Acceptable.IsGrpc(contentType));

    [Theory]
    [InlineData(0, "a few seconds")]
    [InlineData(-5, "a few seconds")]
    [InlineData(4.9, "a few seconds")]
    [InlineData(5, "5 seconds")]
    [InlineData(12, "10 seconds")]
    [InlineData(48, "50 seconds")]
    [InlineData(58, "1 minute")]
    [InlineData(71.4, "1 minute")]
    [InlineData(80, "1 minute 30 seconds")]
    [InlineData(130, "2 minutes")]
    [InlineData(280, "4 minutes 30 seconds")]
    [InlineData(290, "5 minutes")]
    [InlineData(3400, "57 minutes")]
    [InlineData(3600, "1 hour")]
    [InlineData(7300, "2 hours")]
    [InlineData(172_800, "2 days")]
    public void Durations_are_said_as_people_say_them(double seconds, string text) =>
        Assert.Equal(text, RoughDuration.Of(TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void Whatever_reaches_a_page_is_text_on_it()
    {
        const string Hostile = "<script>alert('x' + \"y\")</script> & <!--head--> <!--body-->";
        var page = Encoding.UTF8.GetString(new Page(Hostile)
            .Paragraph(Hostile)
            .Link(Hostile, Hostile)
            .Table([Hostile], [[Hostile]])
            .ToUtf8());

        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("alert('x'", page, StringComparison.Ordinal);
        Assert.DoesNotContain("\"y\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<!--", page, StringComparison.Ordinal);
        Assert.Equal(1, page.Split("<h1>").Length - 1);
    }

    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("100% caf\u00e9\n", "100%25 caf%C3%A9%0A")]
    public void A_grpc_message_is_percent_encoded(string text, string encoded) => Assert.Equal(encoded, AnswerWriter.PercentEncode(text));

    [Theory]
    [InlineData("X-Forwarded-For", true)]
    [InlineData("x-forwarded-anything", true)]
    [InlineData("X_Forwarded_For", true)]
    [InlineData("X-Forwarded_Proto", true)]
    [InlineData("X-Forwarded", true)]
    [InlineData("Forwarded", true)]
    [InlineData("X-Real-IP", true)]
    [InlineData("x_real_ip", true)]
    [InlineData("X-Forwarder", false)]
    [InlineData("Not-Forwarded", false)]
    [InlineData("X-Request-ID", false)]
    public void Claims_about_the_client_are_told_by_their_names(string name, bool isClaim) => Assert.Equal(isClaim, Fields.IsClaim(name));

    [Theory]
    [InlineData("192.0.2.7", "http", "example.org", "for=192.0.2.7;host=example.org;proto=http")]
    [InlineData("192.0.2.7", "https", "example.org:8443", "for=192.0.2.7;host=\"example.org:8443\";proto=https")]
    [InlineData("2001:db8::7", "https", "[2001:db8::1]", "for=\"[2001:db8::7]\";host=\"[2001:db8::1]\";proto=https")]
    [InlineData("192.0.2.7", "http", "a\"b\\c", "for=192.0.2.7;host=\"a\\\"b\\\\c\";proto=http")]
    [InlineData("192.0.2.7", "http", "\"\"\"\"", "for=192.0.2.7;host=\"\\\"\\\"\\\"\\\"\";proto=http")]
    [InlineData("192.0.2.7", "http", null, "for=192.0.2.7;proto=http")]
    public void What_backends_hear_of_the_client_is_one_element_that_nobody_can_cut_short(string client, string scheme, string? host, string expected) =>
        Assert.Equal(expected, ForwardedField.Of(client, scheme, host));

    [Fact]
    public void A_claim_with_a_long_name_is_one_too() => Assert.True(Fields.IsClaim("X_Forwarded-" + new string('y', 5000)));

    [Theory]
    [InlineData("starting", null, null, null, null, null, 10)]
    [InlineData("starting", 20, null, "a few seconds", null, null, 10)]
    [InlineData("starting", 20, 80, "20 seconds", "1 minute 30 seconds", "1 minute", 60)]
    [InlineData("waiting", 100, 80, "1 minute 30 seconds", "1 minute 30 seconds", "any moment", 10)]
    [InlineData("held", 100, 80, null, null, null, 120)]
    [InlineData("drained", null, null, null, null, null, 120)]
    [InlineData("starting", 0, 1, "a few seconds", "a few seconds", "a few seconds", 2)]
    [InlineData("starting", 0, 7200, "a few seconds", "2 hours", "2 hours", 120)]
    public void An_outage_is_told_by_its_state_and_by_past_ones(
        string state, int? downFor, int? typical, string? away, string? usually, string? left, int retryAfter)
    {
        var since = downFor is { } seconds ? Now.AddSeconds(-seconds) : (DateTimeOffset?)null;
        var remaining = downFor is { } d && typical is { } t ? TimeSpan.FromSeconds(Math.Max(0, t - d)) : (TimeSpan?)null;
        var outlook = new PoolOutlook(
            Enum.Parse<BackendState>(state, ignoreCase: true), since, typical is { } all ? TimeSpan.FromSeconds(all) : null, remaining);

        var answer = OutageAnswer.For("GET", outlook, null, Now);
        var text = string.Join(' ', answer.Paragraphs);

        Assert.Equal(StatusCodes.Status503ServiceUnavailable, answer.Status);
        Assert.Equal(retryAfter, answer.RetryAfter!.Value.TotalSeconds);
        Assert.Equal(downFor is not null && away is not null, text.Contains("It has been away for ", StringComparison.Ordinal));
        Assert.Equal(usually is not null, text.Contains($"This usually takes {usually}", StringComparison.Ordinal) && usually is not null);
        Assert.True(left is null || text.Contains(left, StringComparison.Ordinal), text);
        Assert.Equal(state is "held" or "drained", text.Contains("taken out of service by its operators", StringComparison.Ordinal));
    }

    [Fact]
    public void A_pool_went_down_with_its_last_member_and_returns_with_its_first()
    {
        using var table = new PoolTable(TimeProvider.System);
        BackendId a = new("a"), b = new("b"), c = new("c");
        table.Configure(
            [new() { Id = a, Address = "127.0.0.1" }, new() { Id = b, Address = "127.0.0.1" }, new() { Id = c, Address = "127.0.0.1" }],
            [new() { Id = new("p"), Backends = [a, b, c] }]);
        table.Report(a, new(BackendState.Waiting, false, Now, ""));
        table.Report(b, new(BackendState.Starting, false, Now, ""));
        table.Report(c, new(BackendState.Held, false, Now, ""));
        var outlook = new Table(new()
        {
            [a] = new(Now.AddSeconds(-100), TimeSpan.FromSeconds(150)),
            [b] = new(Now.AddSeconds(-30), TimeSpan.FromSeconds(60)),
        });

        var pool = PoolOutlook.Of(table.Current.Pools[new("p")], outlook, Now);

        Assert.Equal(new PoolOutlook(BackendState.Starting, Now.AddSeconds(-30), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(30)), pool);
    }

    private sealed class Table(Dictionary<BackendId, BackendOutlook> known) : IOutageOutlook
    {
        public BackendOutlook? Of(BackendId backend) => known.TryGetValue(backend, out var outlook) ? outlook : null;
    }
}
