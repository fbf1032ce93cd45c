using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Sentinel.Jump.Keys;

/// <summary>A public key as it stands in an authorized_keys file (sshd(8)): kind and content. Options and comments are not taken over: what a key may do is decided here.</summary>
/// <param name="Kind">Such as <c>ssh-ed25519</c>.</param>
/// <param name="Base64">Its content (RFC 4253 §6.6).</param>
public sealed record AuthorizedKey(string Kind, string Base64)
{
    private const int LongestLine = 16 * 1024;

    // What ssh-keygen makes today and sshd 9 accepts by default. ssh-dss and certificates are not among them.
    private static readonly HashSet<string> Kinds =
    [
        "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
        "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
    ];

    /// <summary><c>SHA256:</c> and unpadded base64, as sshd logs it.</summary>
    public string Fingerprint => "SHA256:" + Convert.ToBase64String(SHA256.HashData(Convert.FromBase64String(Base64))).TrimEnd('=');

    /// <summary>Reads one line; options before the key are skipped.</summary>
    /// <returns>Null for anything that is no key.</returns>
    public static AuthorizedKey? TryParse(string line)
    {
        if (line.Length > LongestLine || line.AsSpan().ContainsAny('\r', '\n', '\0'))
        {
            return null;
        }

        var words = Words(line);
        var kind = words.FindIndex(Kinds.Contains);
        if (kind is < 0 or > 1 || kind + 1 >= words.Count || words[0].StartsWith('#'))
        {
            return null;
        }

        var content = new byte[words[kind + 1].Length];
        return Convert.TryFromBase64String(words[kind + 1], content, out var length) && Names(content.AsSpan(0, length), words[kind])
            ? new(words[kind], Convert.ToBase64String(content.AsSpan(0, length)))
            : null;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Kind} {Base64}";

    /// <summary>Whether the content begins with the name of its kind, as every key does, and holds more.</summary>
    private static bool Names(ReadOnlySpan<byte> content, string kind) =>
        content.Length > 4 + kind.Length
        && BinaryPrimitives.ReadUInt32BigEndian(content) == kind.Length
        && content.Slice(4, kind.Length).SequenceEqual(Encoding.ASCII.GetBytes(kind));

    /// <summary>Splits at blanks that stand in no quotes, as options may contain them.</summary>
    private static List<string> Words(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var isQuoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] is ' ' or '\t' && !isQuoted)
            {
                Take();
                continue;
            }

            if (line[i] == '\\' && isQuoted && i + 1 < line.Length)
            {
                word.Append(line[i++]);
            }
            else if (line[i] == '"')
            {
                isQuoted = !isQuoted;
            }

            word.Append(line[i]);
        }

        Take();
        return words;

        void Take()
        {
            if (word.Length > 0)
            {
                words.Add(word.ToString());
                word.Clear();
            }
        }
    }
}
