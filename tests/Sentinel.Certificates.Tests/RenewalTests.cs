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
        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360], Enumerable.Range(1, 11).Select(failures => (int)Renewal.Pause(failures, null, 0).TotalMinutes));
        Assert.Equal(6.6, Renewal.Pause(500, null, 1).TotalHours, 3);
    }

    [Fact]
    public void An_authority_that_wants_longer_is_left_alone_longer()
    {
        Assert.Equal(TimeSpan.FromHours(40), Renewal.Pause(1, TimeSpan.FromHours(40), 1));
        Assert.Equal(TimeSpan.FromMinutes(1), Renewal.Pause(1, TimeSpan.FromSeconds(3), 0));
    }

    [Fact]
    public void After_some_failures_the_next_authority_is_asked_and_then_the_first_again() =>
        Assert.Equal([0, 0, 0, 0, 1, 1, 1, 1, 0], Enumerable.Range(0, 9).Select(failures => Renewal.Authority(failures, 2)));
}
