using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sentinel.Certificates.Acme;

/// <summary>The key of a certificate to be, and the request that is signed with it.</summary>
internal static class CertificateKey
{
    /// <summary>A new key, PKCS #8 in PEM.</summary>
    public static string Create(KeyKind kind)
    {
        using AsymmetricAlgorithm key = kind switch
        {
            KeyKind.Ec256 => ECDsa.Create(ECCurve.NamedCurves.nistP256),
            KeyKind.Ec384 => ECDsa.Create(ECCurve.NamedCurves.nistP384),
            KeyKind.Rsa2048 => RSA.Create(2048),
            KeyKind.Rsa3072 => RSA.Create(3072),
            _ => RSA.Create(4096),
        };
        return key.ExportPkcs8PrivateKeyPem();
    }

    /// <summary>Whether a key is of a kind, as far as <see cref="Request"/> minds: the configuration may have changed since it was made.</summary>
    public static bool Fits(string keyPem, KeyKind kind)
    {
        using AsymmetricAlgorithm key = kind is KeyKind.Ec256 or KeyKind.Ec384 ? ECDsa.Create() : RSA.Create();
        try
        {
            key.ImportFromPem(keyPem);
            return true;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>PKCS #10 in DER, for these names and nothing else.</summary>
    public static byte[] Request(string keyPem, KeyKind kind, EquatableNames names)
    {
        var nobody = new X500DistinguishedName("");
        if (kind is KeyKind.Ec256 or KeyKind.Ec384)
        {
            using var key = ECDsa.Create();
            key.ImportFromPem(keyPem);
            return Sign(new(nobody, key, kind is KeyKind.Ec384 ? HashAlgorithmName.SHA384 : HashAlgorithmName.SHA256), names);
        }

        using var rsa = RSA.Create();
        rsa.ImportFromPem(keyPem);
        return Sign(new(nobody, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), names);
    }

    private static byte[] Sign(CertificateRequest request, EquatableNames names)
    {
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            builder.AddDnsName(name);
        }

        request.CertificateExtensions.Add(builder.Build());
        return request.CreateSigningRequest();
    }
}
