namespace Sentinel.Forwarding.Prefaces;

/// <summary>What a TLS client says openly before anything is encrypted, as far as it decides where the connection goes.</summary>
/// <param name="ServerName">The host it wants, in lower case and without a final dot; null if it names none, or an address (which RFC 6066 §3 does not allow), or what is no host name. With ECH, the name it shows to everybody.</param>
/// <param name="IsAcmeChallenge">Whether it is an ACME server that validates this name and wants nothing else (RFC 8737 §3).</param>
/// <param name="TakesEcdsa">Whether it verifies signatures of elliptic curves (RFC 8446 §4.2.3), and offers a cipher suite to go with one.</param>
internal readonly record struct ClientHello(string? ServerName, bool IsAcmeChallenge, bool TakesEcdsa = false);

/// <summary>What the first bytes of a connection are, to somebody who expects TLS.</summary>
internal enum TlsPreface
{
    /// <summary>All that is there may become a ClientHello, or a cleartext request, and more must come before it is certain.</summary>
    Undecided,

    /// <summary>A ClientHello, whole and well-formed.</summary>
    Hello,

    /// <summary>TLS, and broken: no ClientHello, contradicting lengths, or larger than anybody needs.</summary>
    Malformed,

    /// <summary>An HTTP request without TLS.</summary>
    PlainHttp,

    /// <summary>Something else: another protocol, SSL 2, noise.</summary>
    Foreign,
}
