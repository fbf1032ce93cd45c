using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sentinel.Forwarding.Http.Tls.OpenSsl;
using Sentinel.Forwarding.Tests.Http.Loops;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http.Tls;

/// <summary>What is shown and agreed upon.</summary>
public sealed class TlsContextTests : IDisposable
{
    private readonly LoopStage _stage = new();

    public void Dispose() => _stage.Dispose();

    [NeedsTheory("linux")]
    [InlineData("rsa")]
    [InlineData("ecdsa")]
    public async Task The_chain_is_shown_with_the_certificate_and_a_client_that_trusts_its_root_trusts_it(string algorithm)
    {
        using var rootKey = Key(algorithm);
        using var root = Request("root", rootKey, isAuthority: true).CreateSelfSigned(Now.AddDays(-1), Now.AddDays(2));
        using var between = Issue("between", Key(algorithm), root, isAuthority: true);
        using var leaf = Issue("a.example", Key(algorithm), between, isAuthority: false);
        var certificate = SslStreamCertificateContext.Create(leaf, [between], offline: true);
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, TrustMode = X509ChainTrustMode.CustomRootTrust };
        policy.CustomTrustStore.Add(root);

        using var client = await ConnectAsync(certificate, new() { TargetHost = "a.example", CertificateChainPolicy = policy });

        Assert.Equal(leaf.GetCertHashString(), client.RemoteCertificate!.GetCertHashString());
    }

    [NeedsTheory("linux")]
    [InlineData(SslProtocols.Tls12, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true)]
    [InlineData(SslProtocols.Tls12, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, true)]
    [InlineData(SslProtocols.Tls12, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, false)]
    [InlineData(SslProtocols.Tls12, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384, false)]
    [InlineData(SslProtocols.Tls13, TlsCipherSuite.TLS_AES_128_GCM_SHA256, true)]
    public async Task Only_suites_with_forward_secrecy_and_authenticated_encryption_are_agreed_upon(SslProtocols version, TlsCipherSuite suite, bool isAgreed)
    {
#pragma warning disable CA1416 // Tests of this class run on Linux alone.
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "a.example",
            EnabledSslProtocols = version,
            CipherSuitesPolicy = new([suite]),
            RemoteCertificateValidationCallback = TestCertificates.Any,
        };
#pragma warning restore CA1416
        var connecting = ConnectAsync(TestCertificates.Make("a.example"), options);

        if (isAgreed)
        {
            using var client = await connecting;
            Assert.Equal(suite, client.NegotiatedCipherSuite);
        }
        else
        {
            await Assert.ThrowsAsync<AuthenticationException>(() => connecting);
        }
    }

    [NeedsTheory("linux")]
    [InlineData(true, "h2,http/1.1", "h2")]
    [InlineData(true, "http/1.1,h2", "h2")]
    [InlineData(true, "http/1.0", "http/1.0")]
    [InlineData(false, "h2,http/1.1", "http/1.1")]
    [InlineData(false, "", "")]
    public async Task Of_what_the_client_offers_the_best_is_chosen(bool http2, string offered, string chosen)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "a.example",
            RemoteCertificateValidationCallback = TestCertificates.Any,
            ApplicationProtocols = offered.Length == 0 ? null : [.. offered.Split(',').Select(name => new SslApplicationProtocol(name))],
        };

        using var client = await ConnectAsync(TestCertificates.Make("a.example"), options, http2);

        Assert.Equal(chosen, client.NegotiatedApplicationProtocol.ToString());
    }

    [NeedsFact("linux")]
    public void A_certificate_that_openssl_does_not_take_is_left_to_others()
    {
        // too short for every level of security but none at all
        using var key = RSA.Create(512);
        using var certificate = Request("a.example", key, isAuthority: false).CreateSelfSigned(Now.AddDays(-1), Now.AddDays(1));

        Assert.Null(TlsContext.TryCreate(SslStreamCertificateContext.Create(certificate, null, offline: true), http2: true));
        Assert.NotNull(TlsContext.TryCreate(TestCertificates.Make("a.example"), http2: true));
    }

    [NeedsFact("linux")]
    public void A_certificate_has_one_context_of_each_kind()
    {
        var contexts = new TlsContexts();
        var (one, other) = (TestCertificates.Make("a.example"), TestCertificates.Make("a.example"));

        Assert.Same(contexts.Find(one, http2: true), contexts.Find(one, http2: true));
        Assert.NotSame(contexts.Find(one, http2: true), contexts.Find(one, http2: false));
        Assert.NotSame(contexts.Find(one, http2: true), contexts.Find(other, http2: true));
    }

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    private async Task<SslStream> ConnectAsync(SslStreamCertificateContext certificate, SslClientAuthenticationOptions options, bool http2 = true)
    {
        var (peer, socket) = await _stage.PairAsync();
        var client = new SslStream(new NetworkStream(peer, ownsSocket: true));
        using var tls = new TlsSocket(socket, TlsContext.TryCreate(certificate, http2)!, _stage);
        var agreeing = tls.AgreeAsync(_stage.Deadline);
        try
        {
            await client.AuthenticateAsClientAsync(options, _stage.Deadline);
            await agreeing;
            Assert.Equal(client.NegotiatedApplicationProtocol, tls.ApplicationProtocol);
        }
        finally
        {
            socket.Close();
        }

        return client;
    }

    private static AsymmetricAlgorithm Key(string algorithm) => algorithm == "rsa" ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static CertificateRequest Request(string name, AsymmetricAlgorithm key, bool isAuthority)
    {
        var request = key is RSA rsa
            ? new CertificateRequest($"CN={name}", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest($"CN={name}", (ECDsa)key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, hasPathLengthConstraint: false, 0, critical: true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        return request;
    }

    private static X509Certificate2 Issue(string name, AsymmetricAlgorithm key, X509Certificate2 issuer, bool isAuthority)
    {
        using (key)
        {
            using var bare = Request(name, key, isAuthority).Create(issuer, issuer.NotBefore, issuer.NotAfter, RandomNumberGenerator.GetBytes(8));
            return key is RSA rsa ? bare.CopyWithPrivateKey(rsa) : bare.CopyWithPrivateKey((ECDsa)key);
        }
    }
}
