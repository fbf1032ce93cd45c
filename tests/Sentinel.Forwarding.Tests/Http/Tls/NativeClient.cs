using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sentinel.Forwarding.Tests.Http.Tls;

/// <summary>A client of OpenSSL's own, for what .NET's cannot do. It blocks.</summary>
internal sealed unsafe partial class NativeClient : IDisposable
{
    private readonly nint _context = New(Method());
    private readonly nint _ssl;
    private readonly Socket _socket;

    /// <param name="socket">The caller's.</param>
    public NativeClient(Socket socket)
    {
        socket.Blocking = true;
        (_socket, _ssl) = (socket, NewConnection(_context));
        Assert.Equal(1, SetDescriptor(_ssl, (int)socket.Handle));
    }

    /// <summary>Agrees on TLS 1.3; the tickets come afterwards.</summary>
    public void Connect() => Assert.Equal(1, Connect(_ssl));

    /// <summary>Goes on with a new key, and may ask the server to do so as well (RFC 8446 §4.6.3).</summary>
    public void UpdateKey(bool both)
    {
        Assert.Equal(1, UpdateKey(_ssl, both ? 1 : 0));
        Assert.Equal(1, Handshake(_ssl));
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* place = bytes)
        {
            Assert.Equal(bytes.Length, Write(_ssl, place, bytes.Length));
        }
    }

    /// <returns>0 at the end.</returns>
    public int Receive(Span<byte> target)
    {
        fixed (byte* place = target)
        {
            return Math.Max(Read(_ssl, place, target.Length), 0);
        }
    }

    /// <summary>Reads bytes and forgets them.</summary>
    public void ReceiveAll(int count)
    {
        Span<byte> target = stackalloc byte[1024];
        for (int n; count > 0; count -= n)
        {
            n = Receive(target[..Math.Min(count, target.Length)]);
            Assert.NotEqual(0, n);
        }
    }

    /// <summary>Without TLS.</summary>
    public void SendInClear(ReadOnlySpan<byte> bytes) => _socket.Send(bytes);

    public void Dispose()
    {
        Free(_ssl);
        FreeContext(_context);
    }

    [LibraryImport("libssl.so.3", EntryPoint = "TLS_client_method")]
    private static partial nint Method();

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_CTX_new")]
    private static partial nint New(nint method);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_CTX_free")]
    private static partial void FreeContext(nint context);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_new")]
    private static partial nint NewConnection(nint context);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_free")]
    private static partial void Free(nint ssl);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_set_fd")]
    private static partial int SetDescriptor(nint ssl, int descriptor);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_connect")]
    private static partial int Connect(nint ssl);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_key_update")]
    private static partial int UpdateKey(nint ssl, int type);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_do_handshake")]
    private static partial int Handshake(nint ssl);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_write")]
    private static partial int Write(nint ssl, byte* source, int length);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_read")]
    private static partial int Read(nint ssl, byte* target, int length);
}
