using System.Security.Cryptography.X509Certificates;
using Sentinel.Backends;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>Orders at a real authority that refuses every second nonce.</summary>
public sealed class PebbleTests : IAsyncLifetime
{
    private readonly Rig _rig = new();
    private Pebble? _pebble;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        if (_pebble is not null)
        {
            await _pebble.DisposeAsync();
        }
    }

    [NeedsTheory("pebble", "pebble-challtestsrv")]
    [InlineData(ChallengeKind.Http01, KeyKind.Ec256, "1.2.840.10045.2.1")]
    [InlineData(ChallengeKind.TlsAlpn01, KeyKind.Ec384, "1.2.840.10045.2.1")]
    [InlineData(ChallengeKind.Http01, KeyKind.Rsa2048, "1.2.840.113549.1.1.1")]
    public async Task A_certificate_for_several_names_is_obtained(ChallengeKind challenge, KeyKind key, string algorithm)
    {
        await BeginAsync();
        _rig.Start(Settings(acme => acme with { Challenge = challenge, KeyType = key }, ["example.test", "www.example.test"]));

        await _rig.UntilHeldAsync("example.test");

        var shown = _rig.Service.Find("www.example.test", takesEcdsa: true)!;
        Assert.Equal(algorithm, shown.TargetCertificate.GetKeyAlgorithm());
        await AssertTrustedAsync(shown.TargetCertificate, [.. shown.IntermediateCertificates]);
        Assert.Null(_rig.Service.Find("other.test", takesEcdsa: true));
        Assert.All(Directory.GetFiles(_rig.Store, "*", SearchOption.AllDirectories), AssertOwnersAlone);
        Assert.DoesNotContain("PRIVATE KEY", _rig.Logs.Text, StringComparison.Ordinal);
    }

    [NeedsFact("pebble", "pebble-challtestsrv")]
    public async Task After_a_restart_it_is_shown_and_not_ordered_again()
    {
        await BeginAsync();
        _rig.Start(Settings(["example.test"]));
        await _rig.UntilHeldAsync("example.test");
        var before = _rig.Status("example.test").SerialNumber;
        await _rig.StopAsync();
        await _pebble!.StopAsync();

        _rig.Start(Settings(["example.test"]));

        Assert.Equal(before, _rig.Status("example.test").SerialNumber);
        Assert.NotNull(_rig.Service.Find("example.test", takesEcdsa: false));
    }

    private async Task BeginAsync(PebbleOptions? options = null) =>
        _pebble = await Pebble.StartAsync(Path.Combine(_rig.Folder, "pebble"), (options ?? new()) with { HttpPort = _rig.HttpPort, TlsPort = _rig.TlsPort });

    private CertificateSettings Settings(params string[][] names) => Settings(acme => acme, names);

    private CertificateSettings Settings(Func<AcmeSettings, AcmeSettings> change, params string[][] names) => new()
    {
        Acme = change(new()
        {
            Directory = _pebble!.Directory,
            CaFile = _pebble.CaFile,
            Email = "ops@example.test",
            Names = [.. names.Select(set => (EquatableList<string>)[.. set])],
        }),
    };

    private static void AssertOwnersAlone(string file)
    {
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    private async Task AssertTrustedAsync(X509Certificate2 leaf, X509Certificate2[] above)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(await _pebble!.RootAsync());
        chain.ChainPolicy.ExtraStore.AddRange(above);
        Assert.True(chain.Build(leaf), string.Join(", ", chain.ChainStatus.Select(status => status.StatusInformation)));
    }
}
