using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Http.Tls.OpenSsl;

/// <summary>
/// What is used of OpenSSL 3 (openssl.org, man section 3), which .NET's own TLS uses on Linux as well. Blittable throughout.
/// What does no more than look at a field or set it skips the switch of GC modes.
/// </summary>
internal static unsafe partial class Libssl
{
    // Commands to a context, <openssl/ssl.h>.
    public const int SetMode = 33;
    public const int SetReadAhead = 41;
    public const int SetSessionCacheMode = 44;
    public const int AddChainCertificate = 89;
    public const int SetLeastVersion = 123;
    public const int GetLeastVersion = 130;

    // Its modes.
    public const nint PartialWrite = 1;
    public const nint MovingWriteBuffer = 2;
    public const nint NoAutoChain = 8;
    public const nint ReleaseBuffers = 0x10;

    // Its options.
    public const ulong IgnoreUnexpectedEnd = 1UL << 7;
    public const ulong NoCompression = 1UL << 17;
    public const ulong ServerPreference = 1UL << 22;
    public const ulong NoRenegotiation = 1UL << 30;

    public const nint Tls12 = 0x0303;

    // What a message callback is told of, and what a record may bear.
    public const int RecordHeader = 0x100;
    public const int RecordInnerType = 0x101;
    public const byte Data = 23;

    public const int ReceivedShutdown = 2;

    // What is said of ALPN.
    public const int AlpnOk = 0;
    public const int AlpnFatal = 2;
    public const int AlpnOverlap = 1;

    // Commands to a BIO, <openssl/bio.h>.
    public const int EndOfInput = 2;
    public const int Flush = 11;

    // Its type and flags.
    public const int SourceSink = 0x400;
    public const int ShouldRead = 1;
    public const int ShouldWrite = 2;
    public const int ShouldRetry = 8;
    public const int AllRetries = 0xF;

    private const string Ssl = "libssl.so.3";
    private const string Crypto = "libcrypto.so.3";

    /// <summary>Whether this system has it.</summary>
    public static bool IsThere { get; } = OperatingSystem.IsLinux() && NativeLibrary.TryLoad(Ssl, out _) && NativeLibrary.TryLoad(Crypto, out _);

    [LibraryImport(Ssl, EntryPoint = "TLS_server_method")]
    public static partial nint ServerMethod();

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_new")]
    public static partial nint NewContext(nint method);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_free")]
    public static partial void FreeContext(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_ctrl")]
    public static partial nint ControlContext(nint context, int command, nint number, nint pointer);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_options")]
    public static partial ulong SetOptions(nint context, ulong options);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_session_id_context")]
    public static partial int SetSessionIdContext(nint context, byte* name, uint length);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_certificate")]
    public static partial int UseCertificate(nint context, nint certificate);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_PrivateKey")]
    public static partial int UsePrivateKey(nint context, nint key);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_get_ciphers")]
    public static partial nint GetCiphers(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CIPHER_get_name")]
    public static partial byte* GetCipherName(nint cipher);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_cipher_list", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetCiphers(nint context, string names);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_alpn_select_cb")]
    public static partial void SetAlpn(nint context, delegate* unmanaged<nint, byte**, byte*, byte*, uint, nint, int> select, nint argument);

    [LibraryImport(Ssl, EntryPoint = "SSL_select_next_proto")]
    public static partial int SelectProtocol(byte** chosen, byte* chosenLength, byte* ours, uint oursLength, byte* theirs, uint theirsLength);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_msg_callback")]
    public static partial void SetMessageCallback(nint context, delegate* unmanaged<int, int, int, byte*, nuint, nint, nint, void> hear);

    [LibraryImport(Ssl, EntryPoint = "SSL_new")]
    public static partial nint New(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_free")]
    public static partial void Free(nint ssl);

    /// <summary>Takes over the BIO.</summary>
    [LibraryImport(Ssl, EntryPoint = "SSL_set_bio")]
    public static partial void SetBio(nint ssl, nint input, nint output);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_accept_state")]
    public static partial void SetAcceptState(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_do_handshake")]
    public static partial int Handshake(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_read")]
    public static partial int Read(nint ssl, byte* target, int length);

    [LibraryImport(Ssl, EntryPoint = "SSL_write")]
    public static partial int Write(nint ssl, byte* source, int length);

    [LibraryImport(Ssl, EntryPoint = "SSL_shutdown")]
    public static partial int Shutdown(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_shutdown")]
    [SuppressGCTransition]
    public static partial int GetShutdown(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_shutdown")]
    [SuppressGCTransition]
    public static partial void SetShutdown(nint ssl, int mode);

    [LibraryImport(Ssl, EntryPoint = "SSL_has_pending")]
    [SuppressGCTransition]
    public static partial int HasPending(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get0_alpn_selected")]
    [SuppressGCTransition]
    public static partial void GetAlpn(nint ssl, byte** protocol, uint* length);

    [LibraryImport(Crypto, EntryPoint = "OPENSSL_sk_num")]
    public static partial int CountOf(nint stack);

    [LibraryImport(Crypto, EntryPoint = "OPENSSL_sk_value")]
    public static partial nint ItemOf(nint stack, int index);

    [LibraryImport(Crypto, EntryPoint = "d2i_X509")]
    public static partial nint ReadCertificate(nint place, byte** der, nint length);

    [LibraryImport(Crypto, EntryPoint = "X509_free")]
    public static partial void FreeCertificate(nint certificate);

    [LibraryImport(Crypto, EntryPoint = "d2i_AutoPrivateKey")]
    public static partial nint ReadPrivateKey(nint place, byte** der, nint length);

    [LibraryImport(Crypto, EntryPoint = "EVP_PKEY_free")]
    public static partial void FreePrivateKey(nint key);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_new", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint NewBioMethod(int type, string name);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_read")]
    public static partial int SetBioRead(nint method, delegate* unmanaged<nint, byte*, int, int> read);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_write")]
    public static partial int SetBioWrite(nint method, delegate* unmanaged<nint, byte*, int, int> write);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_ctrl")]
    public static partial int SetBioControl(nint method, delegate* unmanaged<nint, int, nint, nint, nint> control);

    [LibraryImport(Crypto, EntryPoint = "BIO_new")]
    public static partial nint NewBio(nint method);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_init")]
    public static partial void SetBioReady(nint bio, int isReady);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_flags")]
    [SuppressGCTransition]
    public static partial void SetFlags(nint bio, int flags);

    [LibraryImport(Crypto, EntryPoint = "BIO_clear_flags")]
    [SuppressGCTransition]
    public static partial void ClearFlags(nint bio, int flags);

    [LibraryImport(Crypto, EntryPoint = "ERR_peek_error")]
    [SuppressGCTransition]
    public static partial nuint PeekError();

    [LibraryImport(Crypto, EntryPoint = "ERR_clear_error")]
    [SuppressGCTransition]
    public static partial void ClearErrors();

    [LibraryImport(Crypto, EntryPoint = "ERR_reason_error_string")]
    public static partial byte* ReasonOf(nuint error);
}
