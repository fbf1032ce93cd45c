using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Win32.SafeHandles;

namespace Sentinel.Forwarding.Http.Tls.OpenSsl;

/// <summary>One certificate and what is agreed upon with it (SSL_CTX_new(3)). The keys of its session tickets are its own.</summary>
internal sealed unsafe class TlsContext : SafeHandleZeroOrMinusOneIsInvalid
{
    private TlsContext(nint context)
        : base(ownsHandle: true) => SetHandle(context);

    private static ReadOnlySpan<byte> Http1 => "\x08http/1.1\x08http/1.0"u8;

    private static ReadOnlySpan<byte> Http2AndHttp1 => "\x02h2\x08http/1.1\x08http/1.0"u8;

    /// <returns>Null for a key that is neither RSA nor of an elliptic curve, that cannot be taken out of .NET, or that OpenSSL does not take for this certificate.</returns>
    /// <exception cref="InsufficientMemoryException">There is no memory.</exception>
    public static TlsContext? TryCreate(SslStreamCertificateContext certificate, bool http2)
    {
        var context = new TlsContext(Libssl.NewContext(Libssl.ServerMethod()));
        if (context.IsInvalid)
        {
            throw new InsufficientMemoryException("OpenSSL has no memory for a context.");
        }

        if (context.TryShow(certificate))
        {
            context.Agree(http2);
            return context;
        }

        Libssl.ClearErrors();
        context.Dispose();
        return null;
    }

    /// <exception cref="InsufficientMemoryException">There is no memory.</exception>
    public nint NewConnection()
    {
        var isHeld = false;
        DangerousAddRef(ref isHeld);
        try
        {
            // holds the context
            return Libssl.New(handle) is not 0 and var ssl ? ssl : throw new InsufficientMemoryException("OpenSSL has no memory for a connection.");
        }
        finally
        {
            DangerousRelease();
        }
    }

    protected override bool ReleaseHandle()
    {
        Libssl.FreeContext(handle);
        return true;
    }

    private bool TryShow(SslStreamCertificateContext certificate)
    {
        try
        {
            using AsymmetricAlgorithm? key = (AsymmetricAlgorithm?)certificate.TargetCertificate.GetECDsaPrivateKey() ?? certificate.TargetCertificate.GetRSAPrivateKey();
            return key is not null && TryUse(certificate.TargetCertificate) && TryUse(key) && certificate.IntermediateCertificates.All(TryAdd);
        }
        catch (CryptographicException)
        {
            // A key that may be used, and not read.
            return false;
        }
    }

    private bool TryUse(X509Certificate2 certificate)
    {
        var read = Read(certificate);
        var isUsed = read != 0 && Libssl.UseCertificate(handle, read) == 1;
        Libssl.FreeCertificate(read);
        return isUsed;
    }

    private bool TryAdd(X509Certificate2 issuer)
    {
        // with the 1, what is read stays ours
        var read = Read(issuer);
        var isAdded = read != 0 && Libssl.ControlContext(handle, Libssl.AddChainCertificate, 1, read) == 1;
        Libssl.FreeCertificate(read);
        return isAdded;
    }

    private bool TryUse(AsymmetricAlgorithm key)
    {
        var der = key.ExportPkcs8PrivateKey();
        fixed (byte* start = der)
        {
            try
            {
                var place = start;
                var read = Libssl.ReadPrivateKey(0, &place, der.Length);
                var isUsed = read != 0 && Libssl.UsePrivateKey(handle, read) == 1;
                Libssl.FreePrivateKey(read);
                return isUsed;
            }
            finally
            {
                CryptographicOperations.ZeroMemory(der);
            }
        }
    }

    private static nint Read(X509Certificate2 certificate)
    {
        fixed (byte* start = certificate.RawDataMemory.Span)
        {
            var place = start;
            return Libssl.ReadCertificate(0, &place, certificate.RawDataMemory.Length);
        }
    }

    private void Agree(bool http2)
    {
        // TLS 1.0 and 1.1 are deprecated (RFC 8996). The system may ask for more.
        if (Libssl.ControlContext(handle, Libssl.GetLeastVersion, 0, 0) < Libssl.Tls12)
        {
            _ = Libssl.ControlContext(handle, Libssl.SetLeastVersion, Libssl.Tls12, 0);
        }

        RestrictSuites();
        _ = Libssl.SetOptions(handle, Libssl.NoRenegotiation | Libssl.NoCompression | Libssl.ServerPreference | Libssl.IgnoreUnexpectedEnd);
        _ = Libssl.ControlContext(handle, Libssl.SetMode, Libssl.PartialWrite | Libssl.MovingWriteBuffer | Libssl.NoAutoChain | Libssl.ReleaseBuffers, 0);
        _ = Libssl.ControlContext(handle, Libssl.SetReadAhead, 1, 0);

        // Sessions are in the clients' tickets; a table of them would grow with the clients.
        _ = Libssl.ControlContext(handle, Libssl.SetSessionCacheMode, 0, 0);
        fixed (byte* name = "sentinel"u8)
        {
            _ = Libssl.SetSessionIdContext(handle, name, (uint)"sentinel"u8.Length);
        }

        SocketBio.TellOfRecords(handle);
        Libssl.SetAlpn(handle, &SelectProtocol, http2 ? 1 : 0);
    }

    /// <summary>Of the suites for TLS 1.2 that the system allows, those with forward secrecy and authenticated encryption (Mozilla's "intermediate", without finite fields).</summary>
    private void RestrictSuites()
    {
        var ciphers = Libssl.GetCiphers(handle);
        var names = Enumerable.Range(0, Libssl.CountOf(ciphers)).Select(i => NameOf(Libssl.ItemOf(ciphers, i)))
            .Where(name => name.StartsWith("ECDHE-", StringComparison.Ordinal) && (name.Contains("GCM", StringComparison.Ordinal) || name.Contains("CHACHA20", StringComparison.Ordinal)));
        if (string.Join(':', names) is { Length: > 0 } list)
        {
            _ = Libssl.SetCiphers(handle, list);
        }

        static string NameOf(nint cipher) => Marshal.PtrToStringUTF8((nint)Libssl.GetCipherName(cipher)) ?? "";
    }

    [UnmanagedCallersOnly]
    private static int SelectProtocol(nint ssl, byte** chosen, byte* chosenLength, byte* theirs, uint theirsLength, nint http2)
    {
        // The bytes of literals stay where they are.
        var ours = http2 != 0 ? Http2AndHttp1 : Http1;
        var place = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(ours));
        return Libssl.SelectProtocol(chosen, chosenLength, place, (uint)ours.Length, theirs, theirsLength) == Libssl.AlpnOverlap ? Libssl.AlpnOk : Libssl.AlpnFatal;
    }
}
