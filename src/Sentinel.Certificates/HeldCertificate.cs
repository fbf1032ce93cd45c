using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sentinel.Certificates;

/// <summary>
/// A certificate with its chain and its key, read and found to fit together. Immutable and thread-safe; the same object as
/// long as the certificate stays, because session tickets belong to <see cref="Context"/>.
/// </summary>
internal sealed class HeldCertificate
{
    /// <summary>What <see cref="TryRead"/> says of a certificate that no server shows, such as an authority's.</summary>
    public const string NamesNobody = "it names no host";

    private readonly Lazy<SslStreamCertificateContext> _context;

    private HeldCertificate(X509Certificate2 leaf, X509Certificate2Collection above, EquatableNames names, string chainPem, string keyPem, CertificateSource source)
    {
        (Leaf, Above, Names, ChainPem, KeyPem, Source) = (leaf, above, names, chainPem, keyPem, source);
        IsEcdsa = leaf.GetKeyAlgorithm() == "1.2.840.10045.2.1";
        IsSelfSigned = leaf.SubjectName.RawData.AsSpan().SequenceEqual(leaf.IssuerName.RawData);
        NotBefore = new(leaf.NotBefore.ToUniversalTime());
        NotAfter = new(leaf.NotAfter.ToUniversalTime());
        Slot = SlotOf(names, IsEcdsa);
        Fingerprint = leaf.GetCertHashString(HashAlgorithmName.SHA256);
        _context = new(() => SslStreamCertificateContext.Create(Leaf, Above, offline: true));
    }

    /// <summary>The certificate itself, with its private key.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>The chain above it, lowest first.</summary>
    public X509Certificate2Collection Above { get; }

    /// <summary>The host names it is for, sorted.</summary>
    public EquatableNames Names { get; }

    /// <summary>Certificates of the same slot replace one another: the same names and the same kind of key.</summary>
    public string Slot { get; }

    /// <summary>Whether its key is of an elliptic curve; else it is RSA.</summary>
    public bool IsEcdsa { get; }

    public DateTimeOffset NotBefore { get; }

    public DateTimeOffset NotAfter { get; }

    /// <summary>Where it came from.</summary>
    public CertificateSource Source { get; }

    /// <summary>Certificates in PEM, its own first.</summary>
    public string ChainPem { get; }

    /// <summary>PKCS #8 in PEM. Never log it, never put it in a message.</summary>
    public string KeyPem { get; }

    /// <summary>Hexadecimal SHA-256 of the certificate.</summary>
    public string Fingerprint { get; }

    /// <summary>Hexadecimal, as OpenSSL writes it: without the byte that only keeps it from being negative.</summary>
    public string SerialNumber => Leaf.SerialNumber is ['0', '0', .. { Length: > 0 } rest] ? rest : Leaf.SerialNumber;

    /// <summary>Whether nobody but itself vouches for it.</summary>
    public bool IsSelfSigned { get; }

    /// <summary>What a handshake shows; made at the first one.</summary>
    public SslStreamCertificateContext Context => _context.Value;

    /// <summary>See <see cref="Slot"/>.</summary>
    public static string SlotOf(EquatableNames names, bool isEcdsa) => $"{names} {(isEcdsa ? "ecdsa" : "rsa")}";

    /// <summary>Whether it holds at a moment.</summary>
    public bool IsValid(DateTimeOffset now) => NotBefore <= now && now < NotAfter;

    /// <summary>Reads a chain and a key and sees whether they make a certificate that a server can show.</summary>
    /// <param name="why">What is wrong, as the end of a sentence. Never holds any of the input.</param>
    /// <returns>Null if something is wrong.</returns>
    public static HeldCertificate? TryRead(string chainPem, string keyPem, CertificateSource source, out string why)
    {
        why = "";
        try
        {
            var all = new X509Certificate2Collection();
            all.ImportFromPem(chainPem);
            if (all.Count == 0)
            {
                why = "it holds no certificate";
                return null;
            }

            if (EquatableNames.Of(all[0]) is not { } names)
            {
                why = NamesNobody;
                return null;
            }

            if (WithKey(all[0], keyPem) is not var (leaf, key))
            {
                why = "its key is neither RSA nor of an elliptic curve";
                return null;
            }

            all[0].Dispose();
            all.RemoveAt(0);
            return new(leaf, all, names, PemOf([leaf, .. all]), key, source);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            why = "certificate and key cannot be read or do not belong together";
            return null;
        }
    }

    private static (X509Certificate2 Leaf, string KeyPem)? WithKey(X509Certificate2 certificate, string keyPem)
    {
        if (certificate.GetECDsaPublicKey() is { } point)
        {
            point.Dispose();
            using var key = ECDsa.Create();
            key.ImportFromPem(keyPem);
            return (Importable(certificate.CopyWithPrivateKey(key)), key.ExportPkcs8PrivateKeyPem());
        }

        if (certificate.GetRSAPublicKey() is { } modulus)
        {
            modulus.Dispose();
            using var key = RSA.Create();
            key.ImportFromPem(keyPem);
            return (Importable(certificate.CopyWithPrivateKey(key)), key.ExportPkcs8PrivateKeyPem());
        }

        return null;
    }

    /// <summary>Windows takes no key that lives in memory alone.</summary>
    private static X509Certificate2 Importable(X509Certificate2 certificate)
    {
        if (!OperatingSystem.IsWindows())
        {
            return certificate;
        }

        using (certificate)
        {
            return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), password: null);
        }
    }

    private static string PemOf(IEnumerable<X509Certificate2> chain) => string.Concat(chain.Select(certificate => certificate.ExportCertificatePem() + "\n"));
}
