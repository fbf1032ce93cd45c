using System.Net;
using Sentinel.Jump.Penalties;

namespace Sentinel.Jump.Tests.Penalties;

public sealed class PenaltyBookTests
{
    private static readonly Source Office = Source.Of(IPAddress.Parse("203.0.113.9"));

    private readonly PenaltyBook _book = new();
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch.AddYears(50);

    [Theory]
    [InlineData(false, new double[] { 1, 2, 4, 8, 16, 32, 60, 60 })]
    [InlineData(true, new double[] { 1, 2, 4, 5, 5, 5, 5, 5 })]
    public void Who_only_tries_is_refused_for_a_minute_then_longer_each_time_and_a_known_name_never_for_long(bool isKnown, double[] expected)
    {
        List<double> minutes = [];
        while (minutes.Count < expected.Length)
        {
            if (Fail(Office, "alice", isKnown) is { } refusal)
            {
                minutes.Add(refusal.For.TotalMinutes);
                _now += refusal.For;
            }
        }

        Assert.Equal(expected, minutes);
    }

    [Fact]
    public void Who_guesses_names_is_refused_sooner_and_is_told_why()
    {
        var refusal = FailUntilRefused(Office, "root", isKnown: false, out var tries);

        Assert.Equal(5, tries);
        Assert.Equal("5 connections since 00:00:00 UTC ended without a login, the last one for \"root\", who does not exist", refusal.Why);
    }

    [Fact]
    public void An_office_of_which_some_err_all_day_and_others_work_is_let_in()
    {
        for (var minute = 0; minute < 8 * 60; minute++)
        {
            Assert.Null(Fail(Office, "alice"));
            Assert.Null(Fail(Office, "bob"));
            if (minute % 10 == 0)
            {
                _book.Accept(Office, _now);
            }

            _now += TimeSpan.FromMinutes(1);
        }
    }

    [Fact]
    public void A_source_with_a_working_session_is_never_refused()
    {
        for (var i = 0; i < 1000; i++)
        {
            Assert.Null(_book.Fail(Office, "root", false, false, () => true, _now));
        }
    }

    [Fact]
    public void Forgetting_a_key_now_and_then_costs_nothing()
    {
        for (var i = 0; i < 500; i++)
        {
            Assert.Null(Fail(Office, "alice"));
            _now += TimeSpan.FromSeconds(61);
        }
    }

    [Fact]
    public void A_user_who_is_attacked_from_everywhere_makes_strangers_lose_patience_sooner_and_is_not_locked_out_at_home()
    {
        var home = Source.Of(IPAddress.Parse("198.51.100.7"));
        _book.Accept(home, _now);
        for (var i = 0; i < 40; i++)
        {
            Fail(Stranger(i), "alice");
        }

        var refusal = FailUntilRefused(Stranger(99), "alice", isKnown: true, out var tries);
        Assert.Equal(2, tries);
        Assert.Contains("who is attacked from many addresses", refusal.Why, StringComparison.Ordinal);
        FailUntilRefused(Stranger(98), "bob", isKnown: true, out tries);
        Assert.Equal(10, tries);
        FailUntilRefused(home, "alice", isKnown: true, out tries);
        Assert.Equal(100, tries);
    }

    [Fact]
    public void The_addresses_of_one_IPv6_customer_count_as_one_and_neighbours_do_not()
    {
        Assert.Equal(Source.Of(IPAddress.Parse("2001:db8:1:2::1")), Source.Of(IPAddress.Parse("2001:db8:1:2:ffff::9")));
        Assert.NotEqual(Source.Of(IPAddress.Parse("2001:db8:1:2::1")), Source.Of(IPAddress.Parse("2001:db8:1:3::1")));
        Assert.Equal(Office, Source.Of(IPAddress.Parse("::ffff:203.0.113.9")));
    }

    [Fact]
    public void A_flood_of_addresses_does_not_make_it_forget_who_works_and_who_was_refused()
    {
        _book.Accept(Office, _now);
        var attacker = Source.Of(IPAddress.Parse("192.0.2.1"));
        FailUntilRefused(attacker, "alice", isKnown: true, out _);
        for (var i = 0; i < 100_000; i++)
        {
            Fail(Stranger(i), "jump", isShared: true);
        }

        FailUntilRefused(Office, "alice", isKnown: true, out var tries);
        Assert.Equal(100, tries);
        Assert.Equal(2, FailUntilRefused(attacker, "alice", isKnown: true, out _).For.TotalMinutes);
    }

    private static Source Stranger(int i) => Source.Of(new IPAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]));

    private Refusal? Fail(Source source, string account, bool isKnown = true, bool isShared = false) => _book.Fail(source, account, isKnown, isShared, () => false, _now);

    private Refusal FailUntilRefused(Source source, string account, bool isKnown, out int tries)
    {
        for (tries = 1; tries <= 1000; tries++)
        {
            if (_book.Fail(source, account, isKnown, isShared: false, () => false, _now) is { } refusal)
            {
                return refusal;
            }
        }

        throw new InvalidOperationException("never refused");
    }
}
