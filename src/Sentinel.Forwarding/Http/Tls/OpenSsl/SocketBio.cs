using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Http.Tls.OpenSsl;

/// <summary>How OpenSSL reads and writes (BIO_meth_new(3)): through the <see cref="TlsSocket"/> that calls it just now.</summary>
internal static unsafe class SocketBio
{
    private static readonly nint Method = MakeMethod();

    [ThreadStatic]
    private static TlsSocket? _calling;

    /// <summary>Made for one connection; belongs to whom it is set.</summary>
    /// <exception cref="InsufficientMemoryException">There is no memory.</exception>
    public static nint Create()
    {
        var bio = Libssl.NewBio(Method);
        if (bio == 0)
        {
            throw new InsufficientMemoryException("OpenSSL has no memory for a connection.");
        }

        Libssl.SetBioReady(bio, 1);
        return bio;
    }

    /// <summary>To be called before OpenSSL is, on the same thread.</summary>
    public static void Calls(TlsSocket socket) => _calling = socket;

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
        var n = _calling!.Receive(new(target, length));
        if (n < 0 && _calling.IsDry)
        {
            Libssl.SetFlags(bio, Libssl.ShouldRead | Libssl.ShouldRetry);
        }

        return n;
    }

    [UnmanagedCallersOnly]
    private static int Write(nint bio, byte* source, int length)
    {
        Libssl.ClearFlags(bio, Libssl.AllRetries);
        var n = _calling!.Send(new(source, length));
        if (n < 0 && _calling.IsFull)
        {
            Libssl.SetFlags(bio, Libssl.ShouldWrite | Libssl.ShouldRetry);
        }

        return n;
    }

    // Nothing is kept here that would have to be flushed.
    [UnmanagedCallersOnly]
    private static nint Control(nint bio, int command, nint number, nint pointer) => command switch
    {
        Libssl.Flush => 1,
        Libssl.EndOfInput => _calling is { IsOver: true } ? 1 : 0,
        _ => 0,
    };
}
