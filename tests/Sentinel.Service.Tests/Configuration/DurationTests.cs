using System.Globalization;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Tests.Configuration;

public sealed class DurationTests
{
    [Theory]
    [InlineData("500ms", "00:00:00.5")]
    [InlineData("5s", "00:00:05")]
    [InlineData("90s", "00:01:30")]
    [InlineData("2m", "00:02:00")]
    [InlineData("1h30m", "01:30:00")]
    [InlineData("6h", "06:00:00")]
    [InlineData("480h", "20.00:00:00")]
    [InlineData("1h2m3s4ms", "01:02:03.004")]
    [InlineData("1h4ms", "01:00:00.004")]
    [InlineData("0s", "00:00:00")]
    [InlineData("0ms", "00:00:00")]
    [InlineData("0h0m0s0ms", "00:00:00")]
    [InlineData("05s", "00:00:05")]
    [InlineData("90m90s", "01:31:30")]
    public void Every_form_is_read(string text, string expected)
    {
        Assert.True(Duration.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.Parse(expected, CultureInfo.InvariantCulture), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("5S")]
    [InlineData("5 s")]
    [InlineData(" 5s")]
    [InlineData("5s\n")]
    [InlineData("-5s")]
    [InlineData("+5s")]
    [InlineData("1.5s")]
    [InlineData("1e3s")]
    [InlineData("5s1m")]
    [InlineData("5s5s")]
    [InlineData("1d")]
    [InlineData("5us")]
    [InlineData("٥s")]
    [InlineData("9223372036854775807h")]
    [InlineData("99999999999999999999ms")]
    public void Nothing_else_is(string text) => Assert.False(Duration.TryParse(text, out _));

    [Theory]
    [InlineData("0s")]
    [InlineData("500ms")]
    [InlineData("1s500ms")]
    [InlineData("1h30m")]
    [InlineData("480h")]
    [InlineData("1h1ms")]
    public void The_shortest_spelling_is_written(string text)
    {
        Assert.True(Duration.TryParse(text, out var duration));
        Assert.Equal(text, Duration.ToText(duration));
    }

    [Theory]
    [InlineData("5", "5s")]
    [InlineData("90", "1m30s")]
    [InlineData("1.5h", "1h30m")]
    [InlineData("2 Minutes", "2m")]
    [InlineData("250MS", "250ms")]
    [InlineData("7d", "168h")]
    [InlineData("PT5S", null)]
    [InlineData("-5", null)]
    [InlineData("1e400", null)]
    [InlineData("99999999999999999999", null)]
    public void A_slip_is_understood(string text, string? meant) => Assert.Equal(meant, Duration.Correct(text));
}
