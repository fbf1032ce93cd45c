using Sentinel.Backends.Daemons;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>The keys by which an object says where the daemon on a VM answers and how requests to it are signed.</summary>
/// <param name="about">What is fetched there, for the schema.</param>
/// <param name="expectedUrl">What an error asks for where there is no URL.</param>
internal sealed class DaemonKeys(string about, string expectedUrl)
{
    private static readonly Key<SecretFile> HmacSecretFile = Key.Optional("hmacSecretFile", SecretFile.Shared,
        "A file with the secret, of at least 32 bytes, that requests are signed with. Mode 0600, or a systemd credential.");

    private static readonly Key<SecretFile> Ed25519KeyFile = Key.Optional("ed25519KeyFile", SecretFile.PrivateKey,
        "A file with the private key, as openssl genpkey -algorithm ed25519 writes it, that requests are signed with. Linux.");

    private static readonly Key<string> CaFile = Key.Optional("caFile", Forms.ExistingFile,
        "https: the only authorities, in PEM, that may have signed the backend's certificate. Default: those of the system.");

    /// <summary>Where it answers.</summary>
    public Key<string> Url { get; } = Key.Optional("url",
        new TextShape<string>("an http:// or https:// URL, in which {address} stands for the backend's address", CertificateText.ParseTemplate) { Pattern = "^https?://" },
        about);

    /// <summary>How it knows us and we know it.</summary>
    public IReadOnlyList<Key> Signing { get; } = [HmacSecretFile, Ed25519KeyFile, CaFile];

    /// <summary>Judges them against one another.</summary>
    public void Check(Fields fields)
    {
        if (fields.IsMissing(Url))
        {
            fields.Fail(Url, expectedUrl);
        }

        if (fields.Has(HmacSecretFile) == fields.Has(Ed25519KeyFile) && fields.IsMissing(HmacSecretFile) == fields.IsMissing(Ed25519KeyFile))
        {
            fields.Fail(
                fields.Has(HmacSecretFile) ? "both hmacSecretFile and ed25519KeyFile" : "neither hmacSecretFile nor ed25519KeyFile",
                "one of them: no daemon gives keys to a request that is not signed");
        }

        if (fields.Has(Ed25519KeyFile) && OperatingSystem.IsWindows())
        {
            fields.Fail(Ed25519KeyFile, "hmacSecretFile in its place", "ed25519KeyFile, which needs the OpenSSL 3 of a Linux system");
        }

        if (fields.Has(CaFile) && fields.Try(Url, out var url) && url?.StartsWith("https:", StringComparison.OrdinalIgnoreCase) == false)
        {
            fields.Fail(CaFile, "an https:// URL, or no caFile", "caFile beside a URL without TLS");
        }
    }

    /// <summary>What they say, once all is known to be right.</summary>
    public DaemonEndpoint Build(Fields fields) => new()
    {
        Url = fields.Get(Url),
        HmacSecretFile = fields.OrNull(HmacSecretFile)?.Path,
        Ed25519KeyFile = fields.OrNull(Ed25519KeyFile)?.Path,
        CaFile = fields.OrNull(CaFile),
    };
}
