using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sentinel.Forwarding.Http.Awaiting;
using Sentinel.Forwarding.Prefaces;
using Sentinel.Forwarding.Relay;
using Sentinel.Forwarding.Relay.Splice;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>
/// A connected socket on a <see cref="SocketLoop"/>. One may read while another writes; any thread may close. A call is made
/// only when it may find something: no read before each read, no look whether the connection still lives.
/// </summary>
internal sealed class LoopSocket : IDuplexSocket, IPromptSocket
{
    private const uint Reading = EpollEvents.In | EpollEvents.ReadHangUp | EpollEvents.Priority;

    private readonly SafeHandle _handle;
    private readonly Edge _reading = new();
    private readonly Edge _writing = new();
    private volatile bool _isEnding;
    private volatile bool _isUrgent;
    private volatile bool _isClosed;

    // Why a send failed: the system says it once, and shows whoever reads afterwards an ordinary end.
    private volatile int _broken;
    private volatile bool _outlivesInput;
    private bool _isAdded;
    private bool _watchesWriting;
    private Action? _hungUp;

    public LoopSocket(SocketLoop loop, SafeHandle handle, Socket? socket, int index, uint id) =>
        (Loop, _handle, Socket, Index, Id) = (loop, handle, socket, index, id);

    public SocketLoop Loop { get; }

    /// <summary>What .NET made of it, for options and addresses, and not to be waited for; null: nothing, for that costs a dozen system calls.</summary>
    public Socket? Socket { get; }

    /// <summary>Its place in its loop.</summary>
    public int Index { get; }

    /// <summary>Tells it from others that had its place before.</summary>
    public uint Id { get; }

    public bool IsReadable => _reading.IsSet;

    /// <summary>Has something called once, when the peer says that it sends no more, or the connection breaks.</summary>
    /// <param name="hungUp">On the loop's thread, or before this returns.</param>
    public void WhenHungUp(Action hungUp)
    {
        Interlocked.Exchange(ref _hungUp, hungUp);
        if (_isEnding)
        {
            Interlocked.Exchange(ref _hungUp, null)?.Invoke();
        }
    }

    /// <summary>From here on a peer that sends no more has not hung up.</summary>
    public void OutliveInput() => _outlivesInput = true;

    public int TryReceive(Span<byte> target) => TryReceive(target, SocketFlags.None);

    private int TryReceive(Span<byte> target, SocketFlags flags)
    {
        _reading.Clear();
        int n;
        int error;
        try
        {
            n = SocketCalls.Receive(_handle, target, flags, out error);
        }
        catch (ObjectDisposedException)
        {
            // who asks once more is to hear it once more
            _reading.Set(inline: false);
            throw;
        }

        if (n < 0 ? error != Errno.Again : n == 0 || n == target.Length || _isEnding || _isUrgent || flags != SocketFlags.None)
        {
            // more may be there, or nothing will be ever again, and nothing tells of it
            _reading.Set(inline: false);
        }

        if (n == 0 && _broken is not 0 and var cause)
        {
            throw Broken(cause);
        }

        return n >= 0 ? n : error is Errno.Again or Errno.Interrupted ? -1 : throw Broken(error);
    }

    public ValueTask WaitReadableAsync() => _reading.WaitAsync();

    public ValueTask WaitWritableAsync() => _writing.WaitAsync();

    /// <summary>Forgets that there may be something to read: what comes from now on is news.</summary>
    public void ForgetNews() => _reading.Clear();

    public void WakeReader() => _reading.Set(inline: false);

    public void WakeWriter() => _writing.Set(inline: false);

    /// <summary>Reads what is there; waits for it if need be. Of an empty buffer, waits only.</summary>
    /// <exception cref="IOException">The connection is broken.</exception>
    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
    public ValueTask<int> ReceiveAsync(Memory<byte> target, SocketFlags flags, CancellationToken cancellationToken)
    {
        if (_reading.IsSet)
        {
            if (target.IsEmpty)
            {
                return new(0);
            }

            if (!_isClosed && TryReceive(target.Span, flags) is >= 0 and var n)
            {
                return new(n);
            }
        }

        return ReceiveLaterAsync(target, flags, cancellationToken);
    }

    public int TrySend(ReadOnlySpan<byte> source)
    {
        var n = TrySend(source, out var broken);
        return broken is null ? n : throw broken;
    }

    /// <summary>As <see cref="TrySend(ReadOnlySpan{byte})"/>, for whoever expects clients to be gone: most of those of one request are when the last word is said.</summary>
    /// <param name="broken">What would be thrown if the connection is broken; else null.</param>
    public int TrySend(ReadOnlySpan<byte> source, out IOException? broken)
    {
        broken = null;
        var n = SocketCalls.Send(_handle, source, out var error);
        if (n < 0 && error == Errno.Again && !_watchesWriting)
        {
            _writing.Clear();
            if (!Watch(withWriting: true))
            {
                broken = Broken(Errno.NoBuffers);
                return -1;
            }
        }
        else if (n < 0 && error == Errno.Again)
        {
            _writing.Clear();
            n = SocketCalls.Send(_handle, source, out error);
        }

        if (n >= 0 || error is Errno.Again or Errno.Interrupted)
        {
            return n;
        }

        if (error != Errno.BrokenPipe)
        {
            _broken = error;
        }

        broken = Broken(error);
        return -1;
    }

    /// <summary>Sends everything.</summary>
    /// <exception cref="IOException">The connection is broken.</exception>
    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
    public ValueTask SendAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        var n = TrySend(source.Span);
        return n == source.Length ? default : SendLaterAsync(source[Math.Max(n, 0)..], cancellationToken);
    }

    /// <summary>Sends no more.</summary>
    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
    public void EndSending() => SocketCalls.EndSending(_handle);

    /// <summary>Reviews it as <see cref="DeadPeer"/> asks for. It may be broken or closed: whoever uses it finds out.</summary>
    public void Review()
    {
        try
        {
            SocketCalls.Review(_handle);
        }
        catch (ObjectDisposedException)
        {
        }
    }

    /// <summary>Closes it; whoever waits for it finds out. What was sent is delivered.</summary>
    public void Close() => Close(abort: false);

    /// <summary>Closes it with a reset: nobody is to take for whole what was cut.</summary>
    public void Abort() => Close(abort: true);

    /// <summary>Registers it with its loop, or widens what is heard of it.</summary>
    public bool Watch(bool withWriting)
    {
        using var held = new SocketCalls.Held(_handle);
        var operation = _isAdded ? Libc.EpollCtlModify : Libc.EpollCtlAdd;
        (_isAdded, _watchesWriting) = (true, withWriting);
        return Loop.Control(operation, held.Descriptor, withWriting ? Reading | EpollEvents.Out : Reading, this);
    }

    /// <summary>On the loop's thread.</summary>
    public void Tell(uint events)
    {
        _isEnding |= (events & (EpollEvents.ReadHangUp | EpollEvents.HangUp | EpollEvents.Error)) != 0;

        // a read stops short of urgent data (tcp(7)), and what follows them is no news
        _isUrgent |= (events & EpollEvents.Priority) != 0;
        if ((events & (EpollEvents.Out | EpollEvents.HangUp | EpollEvents.Error)) != 0)
        {
            _writing.Set(inline: true);
        }

        if ((events & (Reading | EpollEvents.HangUp | EpollEvents.Error)) != 0)
        {
            _reading.Set(inline: true);
        }

        // after what came before it was read by whoever waited: it still counts
        if (_outlivesInput ? (events & EpollEvents.Error) != 0 : _isEnding)
        {
            Interlocked.Exchange(ref _hungUp, null)?.Invoke();
        }
    }

    private static IOException Broken(int error)
    {
        var cause = new SocketException((int)Errno.ToSocketError(error));
        return new(cause.Message, cause);
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private async ValueTask<int> ReceiveLaterAsync(Memory<byte> target, SocketFlags flags, CancellationToken cancellationToken)
    {
        using var giveUp = cancellationToken.UnsafeRegister(static socket => ((LoopSocket)socket!).WakeReader(), this);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await _reading.WaitAsync();
            cancellationToken.ThrowIfCancellationRequested();
            if (target.IsEmpty)
            {
                ObjectDisposedException.ThrowIf(_isClosed, this);
                return 0;
            }

            if (TryReceive(target.Span, flags) is >= 0 and var n)
            {
                return n;
            }
        }
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder))]
    private async ValueTask SendLaterAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken)
    {
        using var giveUp = cancellationToken.UnsafeRegister(static socket => ((LoopSocket)socket!).WakeWriter(), this);
        while (!source.IsEmpty)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var n = TrySend(source.Span);
            if (n < 0)
            {
                await _writing.WaitAsync();
            }
            else
            {
                source = source[n..];
            }
        }
    }

    private void Reset()
    {
        try
        {
            SocketCalls.ResetOnClose(_handle);
        }
        catch (ObjectDisposedException)
        {
            // It is closed.
        }
    }

    private void Close(bool abort)
    {
        _isClosed = true;
        Loop.Remove(this);
        if (abort)
        {
            Reset();
        }

        // The handle of a socket of .NET's would reset by itself.
        if (Socket is not null)
        {
            Socket.Dispose();
        }
        else
        {
            _handle.Dispose();
        }

        // somewhere else: whoever closes may hold locks
        _reading.Set(inline: false);
        _writing.Set(inline: false);
    }
}
