using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>Calls that return at once, on a handle that is held meanwhile: no other socket gets its number. Each says its errno, 0 if there is none.</summary>
internal static unsafe class SocketCalls
{
    private const int DontWait = 0x40; // recv(2)
    private const int SocketLevel = 1; // socket(7)
    private const int PendingError = 4;

    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public static int Receive(SafeHandle handle, Span<byte> target, SocketFlags flags, out int error)
    {
        using var held = new Held(handle);
        fixed (byte* place = target)
        {
            return Told((int)Libc.Receive(held.Descriptor, place, target.Length, DontWait | (int)flags), out error);
        }
    }

    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public static int Send(SafeHandle handle, ReadOnlySpan<byte> source, out int error)
    {
        using var held = new Held(handle);
        fixed (byte* place = source)
        {
            return Told((int)Libc.Send(held.Descriptor, place, source.Length, DontWait | Libc.MsgNoSignal), out error);
        }
    }

    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public static int Connect(SafeHandle handle, IPEndPoint target)
    {
        using var held = new Held(handle);
        var address = target.Serialize();
        fixed (byte* place = address.Buffer.Span)
        {
            _ = Told(Libc.Connect(held.Descriptor, place, address.Size), out var error);
            return error;
        }
    }

    /// <summary>What became of a connect, or of the connection since.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public static int ErrorOf(SafeHandle handle)
    {
        using var held = new Held(handle);
        int pending, length = sizeof(int);
        return Told(Libc.GetOption(held.Descriptor, SocketLevel, PendingError, &pending, &length), out var error) == 0 ? pending : error;
    }

    /// <summary>Sends no more: the peer reads an end after what was sent.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public static void EndSending(SafeHandle handle)
    {
        using var held = new Held(handle);
        _ = Libc.Shutdown(held.Descriptor, Libc.ShutdownWrite);
    }

    /// <summary>Makes the close to come a reset.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public static void ResetOnClose(SafeHandle handle)
    {
        using var held = new Held(handle);
        SocketOptions.ResetOnClose(held.Descriptor);
    }

    /// <summary>As <see cref="DeadPeer.Review"/>.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public static void Review(SafeHandle handle)
    {
        using var held = new Held(handle);
        SocketOptions.Review(held.Descriptor);
    }

    private static int Told(int result, out int error)
    {
        error = result < 0 ? *Libc.ErrnoLocation() : 0;
        return result;
    }

    /// <summary>Keeps a handle's descriptor from being closed.</summary>
    public readonly ref struct Held
    {
        private readonly SafeHandle _handle;

        /// <exception cref="ObjectDisposedException">It is closed.</exception>
        public Held(SafeHandle handle)
        {
            var isHeld = false;
            handle.DangerousAddRef(ref isHeld);
            _handle = handle;
        }

        public int Descriptor => (int)_handle.DangerousGetHandle();

        public void Dispose() => _handle.DangerousRelease();
    }
}
