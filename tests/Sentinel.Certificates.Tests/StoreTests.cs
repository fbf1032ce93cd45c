using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>What is on disk after whatever happened to it.</summary>
public sealed class StoreTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly Recorder _logs = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-store-").FullName;

    private string Store => Path.Combine(_folder, "certificates");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_was_put_is_there_again_and_the_one_before_it_is_kept()
    {
        var book = Open();
        var all = Enumerable.Range(1, 3).Select(days => Make(days, "a.test")).ToList();
        foreach (var one in all)
        {
            Assert.True(await book.PutAsync(one));
        }

        await book.PutAsync(Make(10, "b.test"));

        var again = Open();

        Assert.Equal(all[2].Fingerprint, again.Find("a.test", takesEcdsa: true)!.Fingerprint);
        Assert.NotNull(again.Find("b.test", takesEcdsa: true));
        Assert.Equal(3, Directory.GetFiles(Store, "*.pem").Length);
        Assert.All(Directory.GetFiles(Store), file => Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(file) == (UnixFileMode.UserRead | UnixFileMode.UserWrite)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"version\":1,\"certificates\":[{\"slot\":\"a.te")]
    [InlineData(null)]
    public async Task A_torn_manifest_loses_nothing(string? left)
    {
        var book = Open();
        await book.PutAsync(Make(1, "a.test"));
        var last = Make(2, "a.test");
        await book.PutAsync(last);
        if (left is null)
        {
            File.Delete(Path.Combine(Store, "manifest.json"));
        }
        else
        {
            File.WriteAllText(Path.Combine(Store, "manifest.json"), left);
        }

        Assert.Equal(last.Fingerprint, Open().Find("a.test", takesEcdsa: true)!.Fingerprint);
    }

    [Fact]
    public async Task A_torn_certificate_falls_back_to_the_one_before_it()
    {
        var book = Open();
        var first = Make(1, "a.test");
        await book.PutAsync(first);
        var second = Make(2, "a.test");
        await book.PutAsync(second);
        var file = Directory.GetFiles(Store, $"*{second.Fingerprint[..16]}.pem").Single();
        File.WriteAllText(file, File.ReadAllText(file)[..300]);

        Assert.Equal(first.Fingerprint, Open().Find("a.test", takesEcdsa: true)!.Fingerprint);
        Assert.Contains("certificate.file.unreadable", _logs.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("PRIVATE KEY", _logs.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_crash_between_certificate_and_manifest_shows_the_newer()
    {
        var book = Open();
        await book.PutAsync(Make(1, "a.test"));
        var manifest = File.ReadAllText(Path.Combine(Store, "manifest.json"));
        var newer = Make(2, "a.test");
        await book.PutAsync(newer);
        File.WriteAllText(Path.Combine(Store, "manifest.json"), manifest);
        File.WriteAllText(Path.Combine(Store, "half.pem.tmp"), "-----BEGIN");

        Assert.Equal(newer.Fingerprint, Open().Find("a.test", takesEcdsa: true)!.Fingerprint);
        Assert.Empty(Directory.GetFiles(Store, "*.tmp"));
    }

    [Fact]
    public async Task What_cannot_be_written_is_shown_and_written_later()
    {
        var book = Open();
        Directory.Delete(Store, recursive: true);
        File.WriteAllText(Store, "in the way");

        await book.PutAsync(Make(5, "a.test"));

        Assert.NotNull(book.Find("a.test", takesEcdsa: true));
        Assert.Contains("certificate.store.failed", _logs.Text, StringComparison.Ordinal);
        File.Delete(Store);
        await book.WriteAgainAsync();
        Assert.NotNull(Open().Find("a.test", takesEcdsa: true));
    }

    [Fact]
    public async Task Only_a_better_one_is_taken()
    {
        var book = Open();
        var held = Make(10, "a.test");
        Assert.Single(await book.OfferAsync([held]));

        Assert.Empty(await book.OfferAsync([]));
        Assert.Empty(await book.OfferAsync([Make(9, "a.test"), Make(-1, "a.test"), held]));
        Assert.Same(held, book.Find("a.test", takesEcdsa: true));

        _time.Jump(TimeSpan.FromDays(11));
        Assert.Single(await book.OfferAsync([Make(1, "a.test")]));
    }

    [Fact]
    public async Task What_vouches_for_itself_never_takes_the_place_of_an_authoritys()
    {
        var book = Open();
        using var authority = TestAuthority.Root(_time.GetUtcNow());
        var (chain, key) = TestAuthority.Issue(authority, ["a.test"], _time.GetUtcNow().AddDays(-1), _time.GetUtcNow().AddDays(5));
        var vouched = HeldCertificate.TryRead(chain, key, CertificateSource.Acme, out _)!;
        Assert.Single(await book.OfferAsync([Make(100, "a.test")]));

        Assert.Single(await book.OfferAsync([vouched]));
        Assert.Empty(await book.OfferAsync([Make(1000, "a.test"), Make(1000, "a.test", "b.test")]));
        Assert.Same(vouched, book.Find("a.test", takesEcdsa: true));
    }

    [Fact]
    public async Task After_a_change_of_the_kind_of_key_the_new_one_counts_even_if_it_ends_first()
    {
        var book = Open();
        var names = new EquatableNames(["a.test"]);
        var (chain, key) = TestAuthority.Issue(null, ["a.test"], _time.GetUtcNow().AddDays(-1), _time.GetUtcNow().AddDays(90), rsa: true);
        await book.PutAsync(HeldCertificate.TryRead(chain, key, CertificateSource.Acme, out _)!);
        Assert.False(book.Of(names, KeyKind.Ec256)!.IsEcdsa);

        await book.PutAsync(Make(6, "a.test"));

        Assert.True(book.Of(names, KeyKind.Ec256)!.IsEcdsa);
        Assert.False(book.Of(names, KeyKind.Rsa2048)!.IsEcdsa);
    }

    [Fact]
    public void A_key_of_another_certificate_is_refused_and_not_repeated()
    {
        var (chain, _) = Pem(5, ["a.test"]);
        var (_, key) = Pem(5, ["a.test"]);

        Assert.Null(HeldCertificate.TryRead(chain, key, CertificateSource.Acme, out var why));
        Assert.Equal("certificate and key cannot be read or do not belong together", why);
        Assert.Null(HeldCertificate.TryRead("", key, CertificateSource.Acme, out why));
        Assert.Equal("it holds no certificate", why);
    }

    private CertificateBook Open()
    {
        var book = new CertificateBook(Store, _time, _logs);
        book.Load();
        return book;
    }

    private (string Chain, string Key) Pem(int days, string[] names) => TestAuthority.Issue(null, names, _time.GetUtcNow().AddDays(-20), _time.GetUtcNow().AddDays(days));

    private HeldCertificate Make(int days, params string[] names)
    {
        var (chain, key) = Pem(days, names);
        return HeldCertificate.TryRead(chain, key, CertificateSource.Acme, out _)!;
    }
}
