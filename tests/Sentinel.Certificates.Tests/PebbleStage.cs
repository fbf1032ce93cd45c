using System.Security.Cryptography.X509Certificates;
using Sentinel.Backends;
using Sentinel.Certificates.Acme;
using Sentinel.Testing;
using Sentinel.Testing.Acme;

namespace Sentinel.Certificates.Tests;

/// <summary>A certificate room and a real authority, which refuses every second nonce.</summary>
public abstract class PebbleStage : IAsyncLifetime
{
    private protected static readonly TimeSpan PastThePause = TimeSpan.FromMinutes(1.5);
    private protected static readonly EquatableNames Names = new(["example.test", "www.example.test"]);

    private protected readonly ShiftedTime _time = new();
    private protected readonly Rig _rig;
    private Pebble? _pebble;

    private protected PebbleStage() => _rig = new(_time);

    private protected Pebble Pebble => _pebble!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _rig.DisposeAsync();
        if (_pebble is not null)
        {
            await _pebble.DisposeAsync();
        }
    }

    private protected static void Run(string program, params string[] arguments)
    {
        // A disk that is full is what dd is there for.
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(Needs.Find(program)!, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
    }

    private protected static void AssertOwnersAlone(string file)
    {
        try
        {
            Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(file) == (UnixFileMode.UserRead | UnixFileMode.UserWrite), file);
        }
        catch (FileNotFoundException)
        {
            // An order that was fulfilled since it was listed.
        }
    }

    private protected async Task BeginAsync(PebbleOptions? options = null) =>
        _pebble = await Pebble.StartAsync(Path.Combine(_rig.Folder, "pebble"), (options ?? new()) with { HttpPort = _rig.HttpPort, TlsPort = _rig.TlsPort });

    private protected CertificateSettings Settings(Func<AcmeSettings, AcmeSettings>? change = null)
    {
        var acme = new AcmeSettings { Directory = Pebble.Directory, CaFile = Pebble.CaFile, Email = "ops@example.test", Names = [(EquatableList<string>)[.. Names]] };
        return new() { Acme = change is null ? acme : change(acme) };
    }

    private protected AcmeClient Client(AcmeSettings settings, string accounts = "accounts") =>
        new(settings.Directory, settings.CaFile, settings.Email, settings.ExternalAccount, Path.Combine(_rig.Folder, accounts), _time, _rig.Logs);

    private protected Issuance Issue(AcmeClient client, AcmeSettings settings) => new(client, settings, new Proofs(_rig.Board, _rig.Logs), _time, _rig.Logs);

    private protected async Task<HeldCertificate> OrderAsync(AcmeSettings settings, string accounts = "accounts")
    {
        using var client = Client(settings, accounts);
        return await OrderAsync(settings, client);
    }

    private protected Task<HeldCertificate> OrderAsync(AcmeSettings settings, AcmeClient client) =>
        Issue(client, settings).RunAsync(Names, new() { Names = Names.ToString() }, _ => Task.CompletedTask, null, mayOrder: true, default);

    private protected async Task AssertTrustedAsync(X509Certificate2 leaf, X509Certificate2[] above)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(await Pebble.RootAsync());
        chain.ChainPolicy.ExtraStore.AddRange(above);
        Assert.True(chain.Build(leaf), string.Join(", ", chain.ChainStatus.Select(status => status.StatusInformation)));
    }
}
