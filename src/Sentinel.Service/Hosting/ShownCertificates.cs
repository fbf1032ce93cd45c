using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sentinel.Certificates;
using Sentinel.Forwarding;

namespace Sentinel.Service.Hosting;

/// <summary>
/// What listeners show: what is held for the name, and else one certificate for every name, signed by nobody. That one
/// encrypts, and a client that checks it turns away; its key is made anew at each start and is never written down.
/// </summary>
internal sealed class ShownCertificates : ICertificates
{
    private readonly CertificateService _held;
    private readonly Lazy<SslStreamCertificateContext> _selfSigned;

    public ShownCertificates(CertificateService held, TimeProvider time) => (_held, _selfSigned) = (held, new(() => Make(time.GetUtcNow())));

    public SslStreamCertificateContext? Find(string? serverName, bool takesEcdsa) => _held.Find(serverName, takesEcdsa) ?? _selfSigned.Value;

    public SslStreamCertificateContext? FindChallenge(string? serverName) => _held.FindChallenge(serverName);

    public string? FindKeyAuthorization(string token) => _held.FindKeyAuthorization(token);

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
