using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Sentinel.Certificates.Acme;

/// <summary>Signed requests: flattened JWS (RFC 7515 §7.2.2) with the header fields that ACME wants (RFC 8555 §6.2).</summary>
internal static class Jws
{
    /// <summary>Signs with an account's key.</summary>
    /// <param name="account">The account's URL; null to show the key itself, before there is an account.</param>
    /// <param name="nonce">Null only within another JWS.</param>
    /// <param name="payload">Empty to ask without saying anything (POST-as-GET, §6.3).</param>
    public static byte[] Sign(AccountKey key, string? account, Uri url, string? nonce, ReadOnlySpan<byte> payload)
    {
        var header = Header(url, nonce, "ES256", writer =>
        {
            if (account is null)
            {
                writer.WritePropertyName("jwk");
                writer.WriteRawValue(key.Jwk);
            }
            else
            {
                writer.WriteString("kid", account);
            }
        });
        return Assemble(header, payload, key.Sign);
    }

    /// <summary>Binds a new account to one that the authority knows already (RFC 8555 §7.3.4).</summary>
    public static byte[] SignBinding(string keyId, ReadOnlySpan<byte> secret, Uri url, AccountKey key)
    {
        var hmac = secret.ToArray();
        try
        {
            var header = Header(url, nonce: null, "HS256", writer => writer.WriteString("kid", keyId));
            return Assemble(header, Encoding.ASCII.GetBytes(key.Jwk), data => HMACSHA256.HashData(hmac, data));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(hmac);
        }
    }

    private delegate byte[] Signer(ReadOnlySpan<byte> data);

    private static byte[] Header(Uri url, string? nonce, string algorithm, Action<Utf8JsonWriter> identify) => Json(writer =>
    {
        writer.WriteString("alg", algorithm);
        if (nonce is not null)
        {
            writer.WriteString("nonce", nonce);
        }

        writer.WriteString("url", url.AbsoluteUri);
        identify(writer);
    });

    private static byte[] Assemble(byte[] header, ReadOnlySpan<byte> payload, Signer sign)
    {
        var (protectedPart, payloadPart) = (Base64Url.EncodeToString(header), Base64Url.EncodeToString(payload));
        var signature = Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes($"{protectedPart}.{payloadPart}")));
        return Json(writer =>
        {
            writer.WriteString("protected", protectedPart);
            writer.WriteString("payload", payloadPart);
            writer.WriteString("signature", signature);
        });
    }

    private static byte[] Json(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
