using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sentinel.Testing.Acme;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Certificates made for a test, each for one name; the one for no name is for everybody else.</summary>
internal sealed class TestCertificates : ICertificates
{
    /// <summary>For clients that want to see what is shown, whatever it is.</summary>
    public static readonly RemoteCertificateValidationCallback Any = (_, certificate, _, _) => certificate is not null;

    private readonly ConcurrentDictionary<string, SslStreamCertificateContext> _byName = new();

    public TestCertificates(params string[] names)
    {
        Put("");
        foreach (var name in names)
        {
            Put(name);
        }
    }

    public ConcurrentDictionary<string, SslStreamCertificateContext> Challenges { get; } = new();

    public ConcurrentDictionary<string, string> KeyAuthorizations { get; } = new();

    /// <summary>A new certificate for a name, in force at once.</summary>
    public X509Certificate2 Put(string name)
    {
        var context = Make(name);
        _byName[name] = context;
        return context.TargetCertificate;
    }

    public static SslStreamCertificateContext Make(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={(name.Length == 0 ? "anybody" : name)}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name.Length == 0 ? "anybody.invalid" : name);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        return SslStreamCertificateContext.Create(request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30)), additionalCertificates: null, offline: true);
    }

    /// <summary>One that is shown without its issuer's, and says where that is to be had.</summary>
    public static SslStreamCertificateContext MakeIncomplete(string name, string issuerUrl)
    {
        using var authority = TestAuthority.Root(TimeProvider.System.GetUtcNow());
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(null, [issuerUrl]));
        using var signed = request.Create(authority, authority.NotBefore, authority.NotAfter, [1, 2, 3]);
        return SslStreamCertificateContext.Create(signed.CopyWithPrivateKey(key), additionalCertificates: null, offline: true);
    }

    public SslStreamCertificateContext? Find(string? serverName, bool takesEcdsa) => _byName.GetValueOrDefault(serverName ?? "") ?? _byName[""];

    public SslStreamCertificateContext? FindChallenge(string? serverName) => Challenges.GetValueOrDefault(serverName ?? "");

    public string? FindKeyAuthorization(string token) => KeyAuthorizations.GetValueOrDefault(token);
}
