using Sentinel.Backends;
using Sentinel.Certificates;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>One of <c>certificates.sync</c>: a backend's URL or a directory.</summary>
internal sealed class SyncShape : ObjectShape<SyncSettings>
{
    private static readonly SyncSettings Defaults = new();

    private static readonly Key<BackendId> Backend = Key.Optional("backend", Forms.Backend, "Whose certificates they are.");

    private static readonly Key<string> Url = Key.Optional("url",
        new TextShape<string>("an http:// or https:// URL, in which {address} stands for the backend's address", CertificateText.ParseTemplate) { Pattern = "^https?://" },
        "Where the backend's daemon gives them.");

    private static readonly Key<string> Directory = Key.Optional("directory", Forms.Directory,
        "Where they lie: NAME.crt beside NAME.key at any depth, as Caddy keeps them, or certbot's live/.");

    private static readonly Key<TimeSpan> Interval = Key.Default("interval", new DurationShape(TimeSpan.FromSeconds(1)), Defaults.Interval,
        "From one good fetch to the next; they are also fetched at the start, when the backend is back, and soon after a failure.");

    private static readonly Key<SecretFile> HmacSecretFile = Key.Optional("hmacSecretFile", SecretFile.Shared,
        "A file with the secret, of at least 32 bytes, that requests are signed with. Mode 0600, or a systemd credential.");

    private static readonly Key<SecretFile> Ed25519KeyFile = Key.Optional("ed25519KeyFile", SecretFile.PrivateKey,
        "A file with the private key, as openssl genpkey -algorithm ed25519 writes it, that requests are signed with. Linux.");

    private static readonly Key<string> CaFile = Key.Optional("caFile", Forms.ExistingFile,
        "https: the only authorities, in PEM, that may have signed the backend's certificate. Default: those of the system.");

    public override IReadOnlyList<Key> Keys { get; } = [Backend, Url, Directory, Interval, HmacSecretFile, Ed25519KeyFile, CaFile];

    protected override string Noun => "a place to sync from";

    protected override void Check(Fields fields)
    {
        if (fields.IsMissing(Backend) && fields.IsMissing(Directory))
        {
            fields.Fail("neither backend nor directory", "one of them");
        }
        else if (fields.Has(Backend) && fields.Has(Directory))
        {
            fields.Fail("both backend and directory", "one of them; list the other as a place of its own");
        }
        else if (fields.Has(Backend))
        {
            CheckBackend(fields);
        }
        else
        {
            foreach (var key in new Key[] { Url, HmacSecretFile, Ed25519KeyFile, CaFile }.Where(fields.Has))
            {
                fields.Fail(key, $"a backend beside it, or no {key.Name}", $"{key.Name} beside a directory, which is read as it is");
            }
        }
    }

    protected override SyncSettings Build(Fields fields) => new()
    {
        Backend = fields.OrNone(Backend),
        Url = fields.OrNull(Url),
        Directory = fields.OrNull(Directory),
        Interval = fields.Get(Interval),
        HmacSecretFile = fields.OrNull(HmacSecretFile)?.Path,
        Ed25519KeyFile = fields.OrNull(Ed25519KeyFile)?.Path,
        CaFile = fields.OrNull(CaFile),
    };

    private static void CheckBackend(Fields fields)
    {
        if (fields.IsMissing(Url))
        {
            fields.Fail(Url, "where the backend's daemon gives its certificates, such as \"http://{address}:8080/certs\"");
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
}
