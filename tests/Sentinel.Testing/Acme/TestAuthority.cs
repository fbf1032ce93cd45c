using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sentinel.Testing.Acme;

/// <summary>Certificates that a test made itself.</summary>
public static class TestAuthority
{
    /// <summary>A root with its key, good for thirty days.</summary>
    public static X509Certificate2 Root(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=a root of a test {Guid.NewGuid():N}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
    }

    /// <summary>Writes a root, and a certificate from it with its key, for an address or a name.</summary>
    public static void Write(string folder, string rootFile, string certificateFile, string keyFile, string name)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var root = Root(now);
        var (chain, key) = Issue(root, [name], now.AddDays(-1), now.AddDays(20));
        File.WriteAllText(Path.Combine(folder, rootFile), root.ExportCertificatePem());
        File.WriteAllText(Path.Combine(folder, certificateFile), chain);
        File.WriteAllText(Path.Combine(folder, keyFile), key);
    }

    /// <summary>Writes a certificate from a root to <c>FILE.crt</c>, and its key to <c>FILE.key</c>, in a folder that is made if it is not there.</summary>
    /// <returns>Its serial number.</returns>
    public static string Write(X509Certificate2 root, string folder, string file, string name, int days)
    {
        var now = TimeProvider.System.GetUtcNow();
        var (chain, key) = Issue(root, [name], now.AddDays(-1), now.AddDays(days));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, $"{file}.crt"), chain);
        File.WriteAllText(Path.Combine(folder, $"{file}.key"), key);
        using var certificate = X509Certificate2.CreateFromPem(chain);
        return certificate.SerialNumber;
    }

    /// <summary>Believes what a root has signed, and nothing else.</summary>
    public static X509ChainPolicy Trust(X509Certificate2 root) => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        RevocationMode = X509RevocationMode.NoCheck,
        CustomTrustStore = { root },
    };

    /// <summary>A certificate in PEM, and its key.</summary>
    /// <param name="issuer">Null: it signs itself.</param>
    public static (string Chain, string Key) Issue(X509Certificate2? issuer, string[] names, DateTimeOffset notBefore, DateTimeOffset notAfter, bool rsa = false)
    {
        using AsymmetricAlgorithm key = rsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = key is RSA modulus
            ? new CertificateRequest("CN=test", modulus, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest("CN=test", (ECDsa)key, HashAlgorithmName.SHA256);
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
            {
                builder.AddIpAddress(address);
            }
            else
            {
                builder.AddDnsName(name);
            }
        }

        request.CertificateExtensions.Add(builder.Build());
        if (issuer is null)
        {
            using var own = request.CreateSelfSigned(notBefore, notAfter);
            return (own.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
        }

        var serial = RandomNumberGenerator.GetBytes(12);
        serial[0] &= 0x7f;
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, includeKeyIdentifier: false, includeIssuerAndSerial: true));
        using var signed = request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuer.GetECDsaPrivateKey()!), notBefore, notAfter, serial);
        return (signed.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }
}
