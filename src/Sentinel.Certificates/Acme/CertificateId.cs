using System.Buffers.Text;
using System.Security.Cryptography.X509Certificates;

namespace Sentinel.Certificates.Acme;

/// <summary>What renewal information calls a certificate (RFC 9773 §4.1).</summary>
internal static class CertificateId
{
    /// <returns>Null for a certificate that does not name its authority's key.</returns>
    public static string? Of(X509Certificate2 certificate)
    {
        var authority = certificate.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().FirstOrDefault()?.KeyIdentifier;
        return authority is not { } key ? null : $"{Base64Url.EncodeToString(key.Span)}.{Base64Url.EncodeToString(Serial(certificate.SerialNumberBytes.Span))}";
    }

    /// <summary>The content of the INTEGER in DER: a first bit that is set would make it negative.</summary>
    private static byte[] Serial(ReadOnlySpan<byte> number) => number.Length > 0 && number[0] >= 0x80 ? [0, .. number] : number.ToArray();
}
