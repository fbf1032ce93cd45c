using System.Text;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Tests.Configuration;

/// <summary>Lines and columns, whatever the file is made of.</summary>
public sealed class PlaceTests(Files files) : IClassFixture<Files>
{
    private const string Text = """
        // comment
        {
          /* two
             lines */
          "backends": { "a": { "address": "10.0.0.1" } }, // "quoted" { brace
          "pools": {}, "listeners": {},
        	"telemetry": { "logs": "größe" }
        }
        """;

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public void Lines_are_counted_as_editors_do(string lineBreak) =>
        Assert.Equal(new ConfigurationPlace(7, 25), Assert.Single(files.Parse(Text.ReplaceLineEndings(lineBreak)).Errors).Place);

    [Fact]
    public void A_byte_order_mark_has_no_width()
    {
        var text = "{ \"telemetry\": 1, \"backends\": { \"a\": { \"address\": \"10.0.0.1\" } }, \"pools\": {}, \"listeners\": {} }";
        var plain = Assert.Single(files.Parse(text).Errors);
        var marked = Assert.Single(ConfigurationSource.Parse("file", [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(text)], files.Environment()).Errors);
        Assert.Equal(plain, marked);
        Assert.Equal(new ConfigurationPlace(1, 16), plain.Place);
    }

    [Fact]
    public void A_character_that_is_not_UTF_8_is_found()
    {
        var error = Assert.Single(ConfigurationSource.Parse("file", [.. "{\n  \"name\": \"größ"u8, 0xE9, .. "\" }"u8], files.Environment()).Errors);
        Assert.Equal(new ConfigurationPlace(2, 16), error.Place);
        Assert.Equal("found bytes that are not UTF-8, expected a text file in UTF-8: save it in that encoding", error.Message);
    }

    [Fact]
    public void UTF_16_is_not_read() => Assert.Equal(
        "found bytes that are not UTF-8, expected a text file in UTF-8: save it in that encoding",
        Assert.Single(ConfigurationSource.Parse("file", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(Text)], files.Environment()).Errors).Message);

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public void A_syntax_error_is_found_behind_comments(string lineBreak)
    {
        var text = "/* größe\n\n */ // x\n{\n\t\"a\": \"ü\", /* ü\n */ \"ö\" 1 }".ReplaceLineEndings(lineBreak);
        Assert.Equal(new ConfigurationPlace(6, 9), Assert.Single(files.Parse(text).Errors).Place);
    }

    [Fact]
    public void A_long_line_takes_no_time_squared()
    {
        var text = "{ \"backends\": {" + string.Concat(Enumerable.Range(0, 60_000).Select(i => $"\"b{i}\":{{\"address\":\"10.0.0.1\"}},")) + "}, \"pools\": {}, \"listeners\": {} }";
        Assert.Equal(60_000, files.Good(text).Backends.Count);
    }

    [Fact]
    public void A_value_that_is_long_or_odd_is_shown_on_one_line()
    {
        var error = files.Parse("{ \"name\": \"" + new string('x', 200) + "\\n\" }").Errors[^1];
        Assert.Equal($"\"{new string('x', 80)}…\"", error.Found);
    }
}
