using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sentinel.Forwarding.HandOver;

/// <summary>
/// A descriptor that is closed and nothing else. A <see cref="SafeSocketHandle"/> may set SO_LINGER on its way out, and
/// so reset a connection that by then is another process's.
/// </summary>
internal sealed partial class Descriptor : SafeHandleMinusOneIsInvalid
{
    private const int DuplicateCloseOnExec = 1030;

    /// <param name="number">Owned from here on.</param>
    public Descriptor(int number)
        : base(ownsHandle: true) => SetHandle(number);

    /// <summary>As the system calls it.</summary>
    public int Number => (int)handle;

    /// <summary>Another descriptor of the same open file.</summary>
    /// <exception cref="SocketException">The process is out of descriptors.</exception>
    public static Descriptor DuplicateOf(SafeHandle original)
    {
        var number = FileControl(original, DuplicateCloseOnExec, 0);
        return number >= 0 ? new(number) : throw new SocketException(); // of the last P/Invoke's error
    }

    /// <summary>Gives the number to a new owner; there is nothing left to dispose.</summary>
    public int Release()
    {
        var number = Number;
        SetHandleAsInvalid();
        return number;
    }

    /// <summary>Closes it, and with it a connection by a reset, whoever else still has it.</summary>
    public void Reset()
    {
        using var socket = new Socket(new SafeSocketHandle(Release(), ownsHandle: true));
        socket.LingerState = new(enable: true, seconds: 0);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int FileControl(SafeHandle descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
