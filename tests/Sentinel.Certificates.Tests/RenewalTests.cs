namespace Sentinel.Certificates.Tests;

/// <summary>When it is due, and when it is tried again.</summary>
public sealed class RenewalTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.5)]
    [InlineData(1.0)]
    public void Without_advice_a_third_of_its_life_is_left_or_little_more(double draw)
    {
        var due = Renewal.Due(Start, Start.AddDays(90), null, draw);

        Assert.InRange(due, Start.AddDays(58), Start.AddDays(60));
    }

    [Fact]
    public void With_advice_it_is_within_the_window_wherever_that_is()
    {
        var window = new SuggestedWindow(Start.AddDays(-3), Start.AddDays(-1));

        Assert.Equal(window.Start, Renewal.Due(Start, Start.AddDays(90), window, 0));
        Assert.Equal(Start.AddDays(-2), Renewal.Due(Start, Start.AddDays(90), window, 0.5));
    }

    [Fact]
    public void Failures_wait_a_minute_then_twice_as_long_up_to_hours()
    {
        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360], Enumerable.Range(1, 11).Select(failures => (int)Renewal.Pause(failures, 0).TotalMinutes));
        Assert.Equal(6.6, Renewal.Pause(500, 1).TotalHours, 3);
    }

    [Fact]
    public void After_some_failures_the_next_authority_is_asked_and_then_the_first_again() =>
        Assert.Equal([0, 0, 0, 0, 1, 1, 1, 1, 0], Enumerable.Range(0, 9).Select(failures => Renewal.Next(failures, Start, [default, default]).Authority));

    [Fact]
    public void An_authority_that_wants_longer_is_left_alone_longer()
    {
        Assert.Equal((0, Start.AddHours(40)), Renewal.Next(1, Start, [Start.AddHours(40)]));
        Assert.Equal((0, Start), Renewal.Next(1, Start, [Start.AddSeconds(-3)]));
    }

    [Fact]
    public void An_authority_that_wants_to_be_left_alone_delays_no_other()
    {
        Assert.Equal((1, Start), Renewal.Next(1, Start, [Start.AddHours(40), default]));
        Assert.Equal((1, Start), Renewal.Next(4, Start, [Start.AddHours(40), default]));
        Assert.Equal((0, Start), Renewal.Next(4, Start, [default, Start.AddHours(40)]));

        // For a moment it is waited for; and where all want to be left alone, for the one that is ready first.
        Assert.Equal((0, Start.AddMinutes(5)), Renewal.Next(1, Start, [Start.AddMinutes(5), default]));
        Assert.Equal((1, Start.AddHours(2)), Renewal.Next(0, Start, [Start.AddHours(3), Start.AddHours(2)]));
    }
}
