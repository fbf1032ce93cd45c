using System.Security.Cryptography;
using System.Text;

namespace Sentinel.Forwarding.Relay.Kernel;

/// <summary>
/// Makes identifiers for nftables out of names that an administrator chose. Different names give different identifiers,
/// and nothing in a name can end the identifier and begin something else: letters, digits, <c>-</c> and <c>.</c> stay,
/// <c>_</c> is doubled, and everything else becomes <c>_</c> and four hexadecimal digits.
/// </summary>
internal static class NftName
{
    /// <summary>Characters; nftables takes 255, and our prefixes need some.</summary>
    private const int Longest = 200;

    /// <param name="prefix">Begins with a letter, so that the whole is never a keyword or a number.</param>
    public static string Of(string prefix, string name)
    {
        var encoded = new StringBuilder(prefix, prefix.Length + name.Length).Append('_');
        foreach (var c in name)
        {
            _ = char.IsAsciiLetterOrDigit(c) || c is '-' or '.' ? encoded.Append(c)
                : c == '_' ? encoded.Append("__")
                : encoded.Append('_').Append(((int)c).ToString("x4"));
        }

        // The separator is an underscore that doubling cannot produce, so a shortened name is nobody else's full one.
        return encoded.Length <= Longest
            ? encoded.ToString()
            : $"{encoded.ToString(0, Longest - 34)}_z{Convert.ToHexStringLower(SHA256.HashData(Encoding.Unicode.GetBytes(name)))[..32]}";
    }
}
