using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Sentinel.Forwarding.Tests.Http.Tls;

/// <summary>A client of OpenSSL's own, for what .NET's cannot do. It blocks.</summary>
internal sealed unsafe partial class NativeClient : IDisposable
{
    private const string SecretOfClient = "CLIENT_TRAFFIC_SECRET_0 ";
    private const int TagSize = 16;

    [ThreadStatic]
    private static byte[]? _secretOfThread;

    private readonly nint _context = New(Method());
    private readonly nint _ssl;
    private readonly Socket _socket;
    private byte[] _secret = [];

    /// <param name="socket">The caller's.</param>
    public NativeClient(Socket socket)
    {
        socket.Blocking = true;
        (_socket, _ssl) = (socket, NewConnection(_context));
        Assert.Equal(1, SetDescriptor(_ssl, (int)socket.Handle));
    }

    /// <summary>Agrees on TLS 1.3; the tickets come afterwards.</summary>
    public void Connect()
    {
        TellSecrets(_context, &Hear);
        Assert.Equal(1, Connect(_ssl));
        _secret = _secretOfThread!;
    }

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

    /// <summary>A piece of a handshake message, in the first record behind the agreement (RFC 8446 §5.2, §7.3), which OpenSSL itself would never cut. Nothing can be sent after it.</summary>
    public void SendPieceOfHandshake(ReadOnlySpan<byte> piece)
    {
        byte[] inner = [.. piece, 22];
        Span<byte> record = stackalloc byte[5 + inner.Length + TagSize];
        record[0] = 23;
        BinaryPrimitives.WriteUInt16BigEndian(record[1..], 0x0303);
        BinaryPrimitives.WriteUInt16BigEndian(record[3..], (ushort)(inner.Length + TagSize));
        using var cipher = new AesGcm(Expand("key", 32), TagSize);
        cipher.Encrypt(Expand("iv", 12), inner, record[5..^TagSize], record[^TagSize..], record[..5]);
        _socket.Send(record);
    }

    /// <summary>Without TLS.</summary>
    public void SendInClear(ReadOnlySpan<byte> bytes) => _socket.Send(bytes);

    public void Dispose()
    {
        Free(_ssl);
        FreeContext(_context);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Hear(nint ssl, byte* line)
    {
        var text = Marshal.PtrToStringUTF8((nint)line)!;
        _secretOfThread = text.StartsWith(SecretOfClient, StringComparison.Ordinal) ? Convert.FromHexString(text.Split(' ')[2]) : _secretOfThread;
    }

    /// <summary>HKDF-Expand-Label of RFC 8446 §7.1, for the suite on which OpenSSL agrees with itself: AES-256-GCM with SHA-384.</summary>
    private byte[] Expand(string label, byte length)
    {
        Assert.Equal(SHA384.HashSizeInBytes, _secret.Length);
        var full = Encoding.ASCII.GetBytes("tls13 " + label);
        return HKDF.Expand(HashAlgorithmName.SHA384, _secret, length, [0, length, (byte)full.Length, .. full, 0]);
    }

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_CTX_set_keylog_callback")]
    private static partial void TellSecrets(nint context, delegate* unmanaged[Cdecl]<nint, byte*, void> hear);

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
