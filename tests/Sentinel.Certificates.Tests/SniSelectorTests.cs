using Sentinel.Testing.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>Which certificate is shown for which name.</summary>
public sealed class SniSelectorTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly HeldCertificate _exact = Make(10, "www.a.test");
    private readonly HeldCertificate _wildcard = Make(20, "*.a.test");

    [Fact]
    public void Exact_comes_before_wildcard_and_a_wildcard_is_for_one_label()
    {
        var selector = new SniSelector([_wildcard, _exact]);

        Assert.Same(_exact, selector.Find("www.a.test", true, Now));
        Assert.Same(_wildcard, selector.Find("other.a.test", true, Now));
        Assert.Null(selector.Find("a.test", true, Now));
        Assert.Null(selector.Find("x.other.a.test", true, Now));
        Assert.Null(selector.Find(null, true, Now));
        Assert.Null(selector.Find("a", true, Now));
    }

    [Fact]
    public void What_has_expired_gives_way_and_is_better_than_nothing()
    {
        var selector = new SniSelector([_wildcard, _exact]);

        Assert.Same(_wildcard, selector.Find("www.a.test", true, Now.AddDays(15)));
        Assert.Same(_exact, selector.Find("www.a.test", true, Now.AddDays(30)));
        Assert.Same(_wildcard, selector.Find("other.a.test", true, Now.AddDays(30)));
    }

    [Fact]
    public void Elliptic_curves_are_preferred_by_those_who_take_them()
    {
        var rsa = Make(50, true, "www.a.test");
        var selector = new SniSelector([_exact, rsa]);

        Assert.Same(_exact, selector.Find("www.a.test", true, Now));
        Assert.Same(rsa, selector.Find("www.a.test", false, Now));
        Assert.Same(rsa, selector.Find("www.a.test", true, Now.AddDays(20)));
        Assert.Same(_exact, new SniSelector([_exact]).Find("www.a.test", false, Now));
    }

    [Fact]
    public void The_latest_of_several_is_shown()
    {
        var both = Make(30, "www.a.test", "b.test");

        Assert.Same(both, new SniSelector([both, _exact]).Find("www.a.test", true, Now));
        Assert.Same(both, new SniSelector([_exact, both]).Find("www.a.test", true, Now));
    }

    [Fact]
    public void Ten_thousand_names_are_found()
    {
        var many = Make(10, [.. Enumerable.Range(0, 10_000).Select(i => $"n{i}.many.test")]);
        var selector = new SniSelector([many, _exact]);

        Assert.All(Enumerable.Range(0, 10_000), i => Assert.Same(many, selector.Find($"n{i}.many.test", true, Now)));
        Assert.Null(selector.Find("n10000.many.test", true, Now));
    }

    private static HeldCertificate Make(int days, params string[] names) => Make(days, false, names);

    private static HeldCertificate Make(int days, bool rsa, params string[] names)
    {
        var (chain, key) = TestAuthority.Issue(null, names, Now.AddDays(-20), Now.AddDays(days), rsa);
        return HeldCertificate.TryRead(chain, key, CertificateSource.Acme, out _)!;
    }
}
