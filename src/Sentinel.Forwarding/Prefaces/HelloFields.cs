using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Sentinel.Forwarding.Prefaces;

/// <summary>Takes the fields of a whole ClientHello apart. What is not needed is skipped by its length, GREASE (RFC 8701) and ECH among it.</summary>
internal static class HelloFields
{
    private const int ServerName = 0;
    private const int SignatureAlgorithms = 13;
    private const int Alpn = 16;
    private const byte HostName = 0;
    private const int LongestName = 253;

    // Underscores are in no host name and in many a DNS zone.
    private static readonly SearchValues<byte> OfNames = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"u8);

    /// <returns>False if lengths contradict one another, or something is said twice.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out ClientHello hello)
    {
        hello = default;
        if (!TrySkip(ref body, 2 + 32)
            || !TryTake8(ref body, out var session) || session.Length > 32
            || !TryTake16(ref body, out var suites) || suites.IsEmpty || suites.Length % 2 != 0
            || !TryTake8(ref body, out var compression) || compression.IsEmpty)
        {
            return false;
        }

        // Before TLS 1.2 a hello may end here.
        if (body.IsEmpty)
        {
            return true;
        }

        if (!TryTake16(ref body, out var extensions) || !body.IsEmpty || !TryReadExtensions(extensions, out hello))
        {
            return false;
        }

        hello = hello with { TakesEcdsa = hello.TakesEcdsa && SuitsEcdsa(suites) };
        return true;
    }

    private static bool TryReadExtensions(ReadOnlySpan<byte> rest, out ClientHello hello)
    {
        hello = default;
        string? name = null;
        var (hasName, hasAlpn, isAcme, takesEcdsa) = (false, false, false, false);
        while (!rest.IsEmpty)
        {
            if (!TryTakeNumber(ref rest, out var type) || !TryTake16(ref rest, out var data))
            {
                return false;
            }

            if (type == ServerName)
            {
                if (hasName || !TryReadName(data, out name))
                {
                    return false;
                }

                hasName = true;
            }
            else if (type == Alpn)
            {
                if (hasAlpn || !TryReadAlpn(data, out isAcme))
                {
                    return false;
                }

                hasAlpn = true;
            }
            else if (type == SignatureAlgorithms)
            {
                takesEcdsa = TakesEcdsa(data);
            }
        }

        hello = new(name, isAcme, takesEcdsa);
        return true;
    }

    /// <summary>RFC 6066 §3: a list, of which only one kind of name was ever defined, and that may occur once.</summary>
    private static bool TryReadName(ReadOnlySpan<byte> data, out string? name)
    {
        name = null;
        if (!TryTake16(ref data, out var list) || !data.IsEmpty || list.IsEmpty)
        {
            return false;
        }

        var seen = false;
        while (!list.IsEmpty)
        {
            var kind = list[0];
            list = list[1..];
            if (!TryTake16(ref list, out var written) || written.IsEmpty || (kind == HostName && seen))
            {
                return false;
            }

            if (kind == HostName)
            {
                (name, seen) = (Normal(written), true);
            }
        }

        return true;
    }

    private static string? Normal(ReadOnlySpan<byte> written)
    {
        if (written is [.. var bare, (byte)'.'])
        {
            written = bare;
        }

        if (written.Length is 0 or > LongestName || written.ContainsAnyExcept(OfNames) || written[0] == '.')
        {
            return null;
        }

        var name = string.Create(written.Length, written, static (target, written) => Ascii.ToLower(written, target, out _));
        return IPAddress.TryParse(name, out _) ? null : name;
    }

    private static bool TryReadAlpn(ReadOnlySpan<byte> data, out bool isAcme)
    {
        isAcme = false;
        if (!TryTake16(ref data, out var list) || !data.IsEmpty || list.IsEmpty)
        {
            return false;
        }

        var count = 0;
        while (!list.IsEmpty)
        {
            if (!TryTake8(ref list, out var protocol) || protocol.IsEmpty)
            {
                return false;
            }

            isAcme = ++count == 1 && protocol.SequenceEqual("acme-tls/1"u8);
        }

        return true;
    }

    /// <summary>Looks for ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384 and ecdsa_secp521r1_sha512; whether the list makes sense is for the handshake to judge.</summary>
    private static bool TakesEcdsa(ReadOnlySpan<byte> data)
    {
        if (!TryTake16(ref data, out var schemes))
        {
            return false;
        }

        while (TryTakeNumber(ref schemes, out var scheme))
        {
            if (scheme is 0x0403 or 0x0503 or 0x0603)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Looks for a suite of TLS 1.3, which go with any signature, or one of TLS 1.2 with ECDHE, ECDSA, and AES-GCM or ChaCha20.</summary>
    private static bool SuitsEcdsa(ReadOnlySpan<byte> suites)
    {
        while (TryTakeNumber(ref suites, out var suite))
        {
            if (suite is (>= 0x1301 and <= 0x1305) or 0xC02B or 0xC02C or 0xCCA9)
            {
                return true;
            }
        }

        return false;
    }

    private static bool TrySkip(ref ReadOnlySpan<byte> rest, int length)
    {
        if (rest.Length < length)
        {
            return false;
        }

        rest = rest[length..];
        return true;
    }

    private static bool TryTakeNumber(ref ReadOnlySpan<byte> rest, out ushort number) =>
        BinaryPrimitives.TryReadUInt16BigEndian(rest, out number) && TrySkip(ref rest, 2);

    /// <summary>A field with its length in one byte before it.</summary>
    private static bool TryTake8(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> field)
    {
        field = rest.IsEmpty || rest.Length - 1 < rest[0] ? default : rest.Slice(1, rest[0]);
        return !rest.IsEmpty && TrySkip(ref rest, 1 + rest[0]);
    }

    /// <summary>A field with its length in two bytes before it.</summary>
    private static bool TryTake16(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> field)
    {
        field = default;
        if (!TryTakeNumber(ref rest, out var length) || rest.Length < length)
        {
            return false;
        }

        field = rest[..length];
        rest = rest[length..];
        return true;
    }
}
