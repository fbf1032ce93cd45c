using Sentinel.Service.Admin;

namespace Sentinel.Service.Tests;

public sealed class SpokenTests
{
    [Theory]
    [InlineData(-5, "0 s")]
    [InlineData(0, "0 s")]
    [InlineData(0.05, "0 s")]
    [InlineData(0.45, "0.4 s")]
    [InlineData(9.99, "9.9 s")]
    [InlineData(42.7, "42 s")]
    [InlineData(60, "1 m")]
    [InlineData(71.4, "1 m 11 s")]
    [InlineData(3600, "1 h")]
    [InlineData(7500, "2 h 5 m")]
    [InlineData(273_600, "3 d 4 h")]
    public void Durations_are_said_in_the_units_that_matter(double seconds, string text) => Assert.Equal(text, Spoken.Duration(TimeSpan.FromSeconds(seconds)));
}
