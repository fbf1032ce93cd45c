using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Http.Tls.OpenSsl;

/// <summary>How OpenSSL reads and writes (BIO_meth_new(3)), and tells of what it reads: through the <see cref="TlsSocket"/> that calls it just now.</summary>
internal static unsafe class SocketBio
{
    private static readonly nint Method = MakeMethod();

    [ThreadStatic]
    private static TlsSocket? _caller;

    /// <summary>Has a connection read and write so.</summary>
    /// <exception cref="InsufficientMemoryException">OpenSSL has no memory; the connection is freed.</exception>
    public static void SetFor(nint ssl)
    {
        var bio = Libssl.NewBio(Method);
        if (bio == 0)
        {
            Libssl.Free(ssl);
            throw new InsufficientMemoryException("OpenSSL has no memory for a connection.");
        }

        Libssl.SetBioReady(bio, 1);
        Libssl.SetBio(ssl, bio, bio);
    }

    /// <summary>Has the connections of a context tell of records that bear no data (SSL_CTX_set_msg_callback(3)).</summary>
    public static void TellOfRecords(nint context) => Libssl.SetMessageCallback(context, &Hear);

    /// <summary>To be told before each call of OpenSSL, on the same thread.</summary>
    public static void IsCalledBy(TlsSocket socket) => _caller = socket;

    private static nint MakeMethod()
    {
        var method = Libssl.NewBioMethod(Libssl.SourceSink, "socket on a loop");
        _ = Libssl.SetBioRead(method, &Read);
        _ = Libssl.SetBioWrite(method, &Write);
        _ = Libssl.SetBioControl(method, &Control);
        return method;
    }

    [UnmanagedCallersOnly]
    private static int Read(nint bio, byte* target, int length)
    {
        Libssl.ClearFlags(bio, Libssl.AllRetries);
        var n = _caller!.Receive(new(target, length));
        if (n < 0 && _caller.IsDry)
        {
            Libssl.SetFlags(bio, Libssl.ShouldRead | Libssl.ShouldRetry);
        }

        return n;
    }

    [UnmanagedCallersOnly]
    private static int Write(nint bio, byte* source, int length)
    {
        Libssl.ClearFlags(bio, Libssl.AllRetries);
        var n = _caller!.Send(new(source, length), out var isBroken);
        if (n < 0 && !isBroken)
        {
            Libssl.SetFlags(bio, Libssl.ShouldWrite | Libssl.ShouldRetry);
        }

        return n;
    }

    [UnmanagedCallersOnly]
    private static void Hear(int isSent, int version, int kind, byte* bytes, nuint length, nint ssl, nint argument)
    {
        // since TLS 1.3 all headers name data, and what it is stands within
        if (isSent == 0 && kind is (Libssl.RecordHeader or Libssl.RecordInnerType) && *bytes != Libssl.Data)
        {
            _caller!.CameWithoutData();
        }
    }

    // Nothing is kept here that would have to be flushed.
    [UnmanagedCallersOnly]
    private static nint Control(nint bio, int command, nint number, nint pointer) => command switch
    {
        Libssl.Flush => 1,
        Libssl.EndOfInput => _caller is { IsOver: true } ? 1 : 0,
        _ => 0,
    };
}
