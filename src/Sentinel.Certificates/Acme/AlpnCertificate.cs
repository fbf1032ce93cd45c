using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Sentinel.Certificates.Acme;

/// <summary>The certificate that answers a TLS-ALPN-01 challenge (RFC 8737 §3).</summary>
internal static class AlpnCertificate
{
    private const string AcmeIdentifier = "1.3.6.1.5.5.7.1.31";

    public static SslStreamCertificateContext Make(string name, string keyAuthorization, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={(name.Length <= 64 ? name : "challenge")}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());

        // An OCTET STRING in DER: its tag, its length, and the digest.
        byte[] digest = [0x04, SHA256.HashSizeInBytes, .. SHA256.HashData(Encoding.ASCII.GetBytes(keyAuthorization))];
        request.CertificateExtensions.Add(new X509Extension(AcmeIdentifier, digest, critical: true));
        var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(7));
        if (OperatingSystem.IsWindows())
        {
            certificate = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), password: null);
        }

        return SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
    }
}
