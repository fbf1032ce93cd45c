using System.Security.Cryptography;
using System.Text;

namespace Sentinel.Service.Configuration;

/// <summary>A secret read from its file. Shows nothing of itself in logs, errors or debuggers; compared in constant time.</summary>
internal sealed class Secret : IEquatable<Secret>
{
    private readonly byte[] _utf8;

    /// <param name="utf8">Copied; the caller clears its own.</param>
    public Secret(ReadOnlySpan<byte> utf8) => _utf8 = utf8.ToArray();

    /// <summary>Whether somebody showed the same secret. The time this takes tells nothing about the content.</summary>
    public bool Matches(ReadOnlySpan<char> shown)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(shown)];
        Encoding.UTF8.GetBytes(shown, bytes);
        var same = CryptographicOperations.FixedTimeEquals(bytes, _utf8);
        CryptographicOperations.ZeroMemory(bytes);
        return same;
    }

    /// <summary>The secret as text, for the one header or call that sends it. Do not keep it.</summary>
    public string Reveal() => Encoding.UTF8.GetString(_utf8);

    /// <inheritdoc/>
    public bool Equals(Secret? other) => other is not null && CryptographicOperations.FixedTimeEquals(_utf8, other._utf8);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Secret);

    /// <summary>The same for every secret: a hash of its content could leak into a log.</summary>
    public override int GetHashCode() => 0;

    /// <inheritdoc/>
    public override string ToString() => "(secret)";
}
