using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Sentinel.Backends.Daemons;

/// <summary>Signatures of Ed25519 (RFC 8032), which .NET does not have, by the system's OpenSSL 3.</summary>
internal static partial class Ed25519
{
    private const string Library = "libcrypto.so.3";
    private const int Kind = 1087; // NID_ED25519
    private const int SignatureLength = 64;

    /// <summary>Signs a message.</summary>
    /// <param name="keyPem">PKCS #8 in PEM, as <c>openssl genpkey -algorithm ed25519</c> writes it.</param>
    /// <exception cref="CryptographicException">It is no such key, or there is no OpenSSL 3. The message shows nothing of the key.</exception>
    public static byte[] Sign(string keyPem, ReadOnlySpan<byte> message)
    {
        var der = Decode(keyPem);
        try
        {
            return Sign(der, message);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            throw new CryptographicException("Ed25519 needs the system's OpenSSL 3 (libcrypto.so.3), which is not there", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
        }
    }

    private static unsafe byte[] Sign(byte[] der, ReadOnlySpan<byte> message)
    {
        fixed (byte* start = der)
        {
            var position = start;
            var key = ReadKey(0, &position, der.Length);
            var context = NewContext();
            try
            {
                if (key == 0 || KindOf(key) != Kind)
                {
                    throw new CryptographicException("the key is none of Ed25519");
                }

                var signature = new byte[SignatureLength];
                nuint length = SignatureLength;
                fixed (byte* target = signature, text = message)
                {
                    // No digest is named: the scheme hashes by itself.
                    if (context == 0 || BeginSign(context, 0, 0, 0, key) != 1 || Sign(context, target, &length, text, (nuint)message.Length) != 1 || length != SignatureLength)
                    {
                        throw new CryptographicException("OpenSSL could not sign");
                    }
                }

                return signature;
            }
            finally
            {
                FreeContext(context);
                FreeKey(key);
            }
        }
    }

    private static byte[] Decode(string pem)
    {
        if (!PemEncoding.TryFind(pem, out var found) || pem[found.Label] != "PRIVATE KEY")
        {
            throw new CryptographicException("the file holds no PRIVATE KEY in PEM");
        }

        return Convert.FromBase64String(pem[found.Base64Data]);
    }

    [LibraryImport(Library, EntryPoint = "d2i_AutoPrivateKey")]
    private static unsafe partial nint ReadKey(nint reuse, byte** position, long length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_get_id")]
    private static partial int KindOf(nint key);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_free")]
    private static partial void FreeKey(nint key);

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_new")]
    private static partial nint NewContext();

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_free")]
    private static partial void FreeContext(nint context);

    [LibraryImport(Library, EntryPoint = "EVP_DigestSignInit")]
    private static partial int BeginSign(nint context, nint keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Library, EntryPoint = "EVP_DigestSign")]
    private static unsafe partial int Sign(nint context, byte* signature, nuint* signatureLength, byte* text, nuint length);
}
