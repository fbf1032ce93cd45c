using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Sentinel.Certificates.Acme;

/// <summary>The key of an account at an authority: P-256, signing as ES256 (RFC 7518 §3.4).</summary>
internal sealed class AccountKey : IDisposable
{
    private readonly ECDsa _key;

    private AccountKey(ECDsa key)
    {
        _key = key;
        var point = key.ExportParameters(includePrivateParameters: false).Q;

        // The members in the order that a thumbprint wants (RFC 7638 §3.2).
        Jwk = $$"""{"crv":"P-256","kty":"EC","x":"{{Base64Url.EncodeToString(point.X)}}","y":"{{Base64Url.EncodeToString(point.Y)}}"}""";
        Thumbprint = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(Jwk)));
    }

    /// <summary>The public key as a JSON Web Key.</summary>
    public string Jwk { get; }

    /// <summary>RFC 7638.</summary>
    public string Thumbprint { get; }

    /// <summary>PKCS #8 in PEM. For the account's file and nothing else.</summary>
    public string Pem => _key.ExportPkcs8PrivateKeyPem();

    public static AccountKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <exception cref="CryptographicException">It is no such key.</exception>
    /// <exception cref="ArgumentException">As above.</exception>
    public static AccountKey Import(string pem)
    {
        var key = ECDsa.Create();
        key.ImportFromPem(pem);
        return new(key);
    }

    public byte[] Sign(ReadOnlySpan<byte> data) => _key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    /// <summary>What proves, to whoever looks, that the holder of this account answers a challenge (RFC 8555 §8.1).</summary>
    public string Authorize(string token) => $"{token}.{Thumbprint}";

    public void Dispose() => _key.Dispose();
}
