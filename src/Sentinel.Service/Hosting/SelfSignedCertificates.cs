using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sentinel.Forwarding;

namespace Sentinel.Service.Hosting;

/// <summary>
/// One certificate for every name, signed by nobody: it encrypts, and a client that checks it turns away. What listeners
/// show while no certificate is held. Its key is made anew at each start and is never written down.
/// </summary>
internal sealed class SelfSignedCertificates : ICertificates
{
    private readonly Lazy<SslStreamCertificateContext> _certificate;

    public SelfSignedCertificates(TimeProvider time) => _certificate = new(() => Make(time.GetUtcNow()));

    public SslStreamCertificateContext? Find(string? serverName) => _certificate.Value;

    public SslStreamCertificateContext? FindChallenge(string? serverName) => null;

    public string? FindKeyAuthorization(string token) => null;

    private static SslStreamCertificateContext Make(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=sentinel.invalid", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("no-certificate.invalid");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1", "serverAuth")], critical: false));

        // A daemon may run for years, and nobody trusts it for its dates.
        var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
        return SslStreamCertificateContext.Create(Importable(certificate), additionalCertificates: null, offline: true);
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
}
