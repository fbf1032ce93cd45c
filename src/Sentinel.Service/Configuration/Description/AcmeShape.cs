using System.Net;
using Sentinel.Backends;
using Sentinel.Certificates;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>certificates.acme</c>.</summary>
internal sealed class AcmeShape : ObjectShape<AcmeSettings>
{
    private static readonly AcmeSettings Defaults = new() { Directory = new("https://acme-v02.api.letsencrypt.org/directory") };

    private static readonly TextShape<Uri> Authority = new(CertificateText.ExpectedDirectory, CertificateText.ParseDirectory) { Pattern = "^https://", Write = uri => uri.AbsoluteUri };

    private static readonly Key<Uri> Directory = Key.Default("directory", Authority, Defaults.Directory, "The authority's ACME directory.");

    private static readonly Key<string> Email = Key.Optional("email",
        new TextShape<string>("a mail address", (text, _) => CertificateText.IsMail(text) ? text : Refusal.Plain), "Where the authority writes to.");

    private static readonly Key<string> CaFile = Key.Optional("caFile", Forms.ExistingFile,
        "Further authorities, in PEM, that may have signed the certificate of the directory itself.");

    private static readonly Key<ExternalAccount> Eab = Key.Optional("eab", new EabShape(), "External account binding, for authorities that ask for it. For directory alone.");

    private static readonly Key<string> Profile = Key.Optional("profile", Forms.AnyText, "The authority's word for a kind of certificate.");

    private static readonly Key<KeyKind> KeyType = Key.Default("keyType", new WordShape<KeyKind>([]), Defaults.KeyType, "The key of certificates.");

    private static readonly Key<ChallengeKind> Challenge = Key.Default("challenge",
        new TextShape<ChallengeKind>(CertificateText.ExpectedChallenge, CertificateText.ParseChallenge) { Pattern = CertificateText.ChallengePattern, Write = CertificateText.WordOf },
        Defaults.Challenge,
        "How names are proved: http-01 on every http listener, tls-alpn-01 on every tls and https listener, dns-01 by dnsHook.");

    private static readonly Key<EquatableList<string>> DnsHook = Key.Optional("dnsHook",
        new ListShape<string>("words", Forms.AnyText, atLeast: 1, first: new TextShape<string>(ProgramFile.Expected, ProgramFile.Parse)),
        "dns-01: program and arguments; \"present\" or \"cleanup\", the record's name and its value are added.");

    private static readonly Key<EquatableList<IPEndPoint>> DnsResolvers = Key.Default("dnsResolvers",
        new ListShape<IPEndPoint>("addresses", new TextShape<IPEndPoint>(CertificateText.ExpectedResolver, CertificateText.ParseResolver) { Write = resolver => resolver.ToString() }, distinct: true),
        Defaults.DnsResolvers,
        "dns-01: who knows the servers of the zones that dnsHook writes to. Empty: the resolvers of the system.");

    private static readonly Key<EquatableList<EquatableList<string>>> Names = Key.Required("names",
        new ListShape<EquatableList<string>>(
            "lists of names, one list for each certificate",
            new ListShape<string>("names", new TextShape<string>(CertificateText.ExpectedName, CertificateText.ParseName), atLeast: 1, distinct: true),
            atLeast: 1,
            distinct: true),
        "The names of each certificate.");

    private static readonly Key<string> PreferredChain = Key.Optional("preferredChain", Forms.AnyText,
        "The common name of the issuer that the chain should end at, where the authority has several.");

    private static readonly Key<EquatableList<Uri>> FallbackDirectories = Key.Default("fallbackDirectories",
        new ListShape<Uri>("URLs", Authority, distinct: true), Defaults.FallbackDirectories,
        "Tried in turn when directory fails for long.");

    public override IReadOnlyList<Key> Keys { get; } =
        [Directory, Email, CaFile, Eab, Profile, KeyType, Challenge, DnsHook, DnsResolvers, Names, PreferredChain, FallbackDirectories];

    protected override string Noun => "acme";

    protected override void Check(Fields fields)
    {
        if (!fields.Try(Challenge, out var challenge))
        {
            return;
        }

        var word = CertificateText.WordOf(challenge);
        if (challenge == ChallengeKind.Dns01 && fields.IsMissing(DnsHook))
        {
            fields.Fail(DnsHook, "the program that writes TXT records, which \"challenge\": \"dns-01\" needs");
        }
        else if (challenge != ChallengeKind.Dns01 && fields.Has(DnsHook))
        {
            fields.Fail(DnsHook, "\"challenge\": \"dns-01\" beside it, or no dnsHook", $"dnsHook beside \"challenge\": \"{word}\", which writes no records");
        }

        if (challenge != ChallengeKind.Dns01 && fields.Has(DnsResolvers))
        {
            fields.Fail(DnsResolvers, "\"challenge\": \"dns-01\" beside it, or no dnsResolvers", $"dnsResolvers beside \"challenge\": \"{word}\", which writes no records");
        }

        if (challenge != ChallengeKind.Dns01 && fields.Try(Names, out var names) && names.SelectMany(set => set).FirstOrDefault(name => name.StartsWith('*')) is { } wildcard)
        {
            fields.Fail(Names, "\"challenge\": \"dns-01\", by which alone wildcards can be proved, or names without \"*\"", $"\"{wildcard}\" beside \"challenge\": \"{word}\"");
        }
    }

    protected override AcmeSettings Build(Fields fields) => new()
    {
        Directory = fields.Get(Directory),
        Email = fields.OrNull(Email),
        CaFile = fields.OrNull(CaFile),
        ExternalAccount = fields.OrNull(Eab),
        Profile = fields.OrNull(Profile),
        KeyType = fields.Get(KeyType),
        Challenge = fields.Get(Challenge),
        DnsHook = fields.OrNull(DnsHook) ?? [],
        DnsResolvers = fields.Get(DnsResolvers),
        Names = fields.Get(Names),
        PreferredChain = fields.OrNull(PreferredChain),
        FallbackDirectories = fields.Get(FallbackDirectories),
    };

    /// <summary><c>eab</c>.</summary>
    private sealed class EabShape : ObjectShape<ExternalAccount>
    {
        private static readonly Key<string> KeyId = Key.Required("keyId", Forms.AnyText, "As the authority gave it.");

        private static readonly Key<SecretFile> HmacKeyFile = Key.Required("hmacKeyFile", SecretFile.Base64UrlKey,
            "A file with the key that the authority gave, in base64url. Mode 0600, or a systemd credential.");

        public override IReadOnlyList<Key> Keys { get; } = [KeyId, HmacKeyFile];

        protected override string Noun => "eab";

        protected override ExternalAccount Build(Fields fields) => new(fields.Get(KeyId), fields.Get(HmacKeyFile).Path);
    }
}
