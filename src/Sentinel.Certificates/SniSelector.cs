using System.Collections.Frozen;

namespace Sentinel.Certificates;

/// <summary>
/// Chooses the certificate for a name: one look-up for the exact name and one for its wildcard, however many there are.
/// Immutable; a change makes a new one.
/// </summary>
internal sealed class SniSelector
{
    private readonly FrozenDictionary<string, Choice> _exact;
    private readonly FrozenDictionary<string, Choice> _below;
    private readonly FrozenDictionary<string, Choice>.AlternateLookup<ReadOnlySpan<char>> _belowBySpan;

    public SniSelector(IEnumerable<HeldCertificate> certificates)
    {
        var (exact, below) = (new Dictionary<string, Choice>(), new Dictionary<string, Choice>());
        foreach (var certificate in certificates)
        {
            foreach (var name in certificate.Names)
            {
                var isWildcard = name.StartsWith("*.", StringComparison.Ordinal);
                var (table, key) = isWildcard ? (below, name[2..]) : (exact, name);
                table[key] = table.GetValueOrDefault(key).With(certificate);
            }
        }

        (_exact, _below) = (exact.ToFrozenDictionary(StringComparer.Ordinal), below.ToFrozenDictionary(StringComparer.Ordinal));
        _belowBySpan = _below.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The best one that is valid now: exact, then wildcard; else the best that is not, which tells a client more than a stranger's.</summary>
    /// <param name="serverName">Lower case, no final dot; null if the client named none.</param>
    /// <param name="takesEcdsa">Whether the client can verify signatures of elliptic curves.</param>
    public HeldCertificate? Find(string? serverName, bool takesEcdsa, DateTimeOffset now)
    {
        if (serverName is null)
        {
            return null;
        }

        var exact = _exact.GetValueOrDefault(serverName);
        if (exact.Pick(takesEcdsa, now) is { } named)
        {
            return named;
        }

        var dot = serverName.IndexOf('.', StringComparison.Ordinal);
        var below = dot > 0 && _belowBySpan.TryGetValue(serverName.AsSpan(dot + 1), out var found) ? found : default;
        return below.Pick(takesEcdsa, now) ?? exact.Any(takesEcdsa) ?? below.Any(takesEcdsa);
    }

    /// <summary>The latest of each kind of key for one name.</summary>
    private readonly record struct Choice(HeldCertificate? Ecdsa, HeldCertificate? Rsa)
    {
        public Choice With(HeldCertificate more) => more.IsEcdsa ? this with { Ecdsa = Later(Ecdsa, more) } : this with { Rsa = Later(Rsa, more) };

        public HeldCertificate? Pick(bool takesEcdsa, DateTimeOffset now)
        {
            var (first, second) = takesEcdsa ? (Ecdsa, Rsa) : (Rsa, Ecdsa);
            return first?.IsValid(now) == true ? first : second?.IsValid(now) == true ? second : null;
        }

        public HeldCertificate? Any(bool takesEcdsa) => (takesEcdsa ? Ecdsa ?? Rsa : Rsa ?? Ecdsa) ?? Rsa;

        private static HeldCertificate Later(HeldCertificate? one, HeldCertificate other) =>
            one is null || (!other.IsSelfSigned, other.NotAfter).CompareTo((!one.IsSelfSigned, one.NotAfter)) > 0 ? other : one;
    }
}
