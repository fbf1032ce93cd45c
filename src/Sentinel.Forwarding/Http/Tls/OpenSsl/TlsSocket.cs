using System.Net.Security;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using Sentinel.Forwarding.Http.Loops;
using Sentinel.Forwarding.Http.Transports;

namespace Sentinel.Forwarding.Http.Tls.OpenSsl;

/// <summary>
/// The server's end of TLS on a <see cref="LoopSocket"/>: each record goes from OpenSSL to the system and back without anything in between.
/// The socket stays the caller's. One may read while another writes; they take turns in OpenSSL.
/// </summary>
internal sealed class TlsSocket : IPromptSocket, IDisposable
{
    // A record comes with one or two. Who sends nothing but what OpenSSL takes in silence (new keys without end) must let others have the loop.
    private const int MostReads = 4;

    private readonly LoopSocket _socket;
    private readonly IByteCount _count;
    private readonly Lock _lock = new();
    private nint _ssl;
    private bool _mayHoldMore;
    private bool _isInterrupted;
    private int _reads;
    private Exception? _failure;

    /// <param name="socket">Nothing was read of it.</param>
    /// <param name="context">What is agreed upon.</param>
    /// <param name="count">Told of what passes, encrypted.</param>
    /// <exception cref="InsufficientMemoryException">There is no memory.</exception>
    public TlsSocket(LoopSocket socket, TlsContext context, IByteCount count)
    {
        (_socket, _count) = (socket, count);
        var bio = SocketBio.Create();
        _ssl = context.NewConnection();
        Libssl.SetBio(_ssl, bio, bio);
        Libssl.SetAcceptState(_ssl);
    }

    public bool IsReadable => _mayHoldMore || _socket.IsReadable;

    /// <summary>Whether the last call wanted more than the socket had.</summary>
    public bool IsDry { get; private set; }

    /// <summary>Whether the last call wanted to send more than the socket took.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Whether the client sends no more.</summary>
    public bool IsOver { get; private set; }

    /// <summary>What was agreed upon; default: nothing.</summary>
    public unsafe SslApplicationProtocol ApplicationProtocol
    {
        get
        {
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_ssl == 0, this);
                byte* name;
                uint length;
                Libssl.GetAlpn(_ssl, &name, &length);
                var chosen = new ReadOnlySpan<byte>(name, (int)length);
                return chosen.SequenceEqual("h2"u8) ? SslApplicationProtocol.Http2 : chosen.SequenceEqual("http/1.1"u8) ? SslApplicationProtocol.Http11 : chosen.IsEmpty ? default : new(chosen.ToArray());
            }
        }
    }

    /// <summary>Agrees on TLS.</summary>
    /// <exception cref="AuthenticationException">The client speaks otherwise, or does not want us; it was told so.</exception>
    /// <exception cref="IOException">The connection is broken, or the client left.</exception>
    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
    /// <exception cref="OperationCanceledException">It took too long.</exception>
    public async Task AgreeAsync(CancellationToken late)
    {
        using var giveUp = late.UnsafeRegister(
            static socket =>
            {
                ((LoopSocket)socket!).WakeReader();
                ((LoopSocket)socket!).WakeWriter();
            },
            _socket);
        while (!TryAgree())
        {
            late.ThrowIfCancellationRequested();
            await (IsFull ? WaitWritableAsync() : WaitReadableAsync());
        }
    }

    public unsafe int TryReceive(Span<byte> target)
    {
        lock (_lock)
        {
            Begin();
            fixed (byte* place = target)
            {
                var n = Libssl.Read(_ssl, place, target.Length);
                _mayHoldMore = n > 0 ? Libssl.HasPending(_ssl) != 0 : !IsDry;
                return n > 0 ? n : Judge();
            }
        }
    }

    public unsafe int TrySend(ReadOnlySpan<byte> source)
    {
        lock (_lock)
        {
            Begin();
            fixed (byte* place = source)
            {
                var n = Libssl.Write(_ssl, place, source.Length);
                return n > 0 ? n : Judge() is not 0 and var nothing ? nothing : throw new IOException("The client has ended TLS.");
            }
        }
    }

    public ValueTask WaitReadableAsync() => _isInterrupted ? StepAsideAsync() : _socket.WaitReadableAsync();

    public ValueTask WaitWritableAsync() => _socket.WaitWritableAsync();

    public void WakeReader() => _socket.WakeReader();

    public void WakeWriter() => _socket.WakeWriter();

    /// <summary>Says that nothing more comes: without it, a client must take the end for a cut (RFC 8446 §6.1).</summary>
    /// <exception cref="IOException">The connection is broken.</exception>
    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
    public async Task EndSendingAsync()
    {
        while (!TryEndSending())
        {
            await _socket.WaitWritableAsync();
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            Libssl.Free(_ssl);
            _ssl = 0;
        }
    }

    /// <summary>For OpenSSL, from within its calls: nothing may be thrown through it.</summary>
    public int Receive(Span<byte> target)
    {
        try
        {
            // a look that cannot find anything is a system call for nothing
            _isInterrupted = _reads++ == MostReads;
            var n = _socket.IsReadable && !_isInterrupted ? _socket.TryReceive(target) : -1;
            (IsDry, IsOver) = (n < 0, n == 0);
            if (n > 0)
            {
                _count.FromClient(n);
            }

            return n;
        }
        catch (Exception e)
        {
            _failure = e;
            return -1;
        }
    }

    /// <summary>For OpenSSL, from within its calls: nothing may be thrown through it.</summary>
    public int Send(ReadOnlySpan<byte> source)
    {
        try
        {
            var n = _socket.TrySend(source);
            IsFull = n < 0;
            if (n > 0)
            {
                _count.ToClient(n);
            }

            return n;
        }
        catch (Exception e)
        {
            _failure = e;
            return -1;
        }
    }

    private bool TryAgree()
    {
        lock (_lock)
        {
            Begin();
            if (Libssl.Handshake(_ssl) == 1)
            {
                return _mayHoldMore = true;
            }

            try
            {
                return Judge() != 0 ? false : throw new IOException("The client left.");
            }
            catch (IOException e) when (e is TlsException)
            {
                throw new AuthenticationException(e.Message, e);
            }
        }
    }

    private bool TryEndSending()
    {
        lock (_lock)
        {
            Begin();
            var isSaid = Libssl.Shutdown(_ssl) >= 0;
            Libssl.ClearErrors();
            if (_failure is not null)
            {
                _ = Judge();
            }

            return isSaid || !IsFull;
        }
    }

    private static async ValueTask StepAsideAsync() => await Task.Yield();

    private void Begin()
    {
        ObjectDisposedException.ThrowIf(_ssl == 0, this);
        (IsDry, IsFull, _failure) = (false, false, null);
        (_isInterrupted, _reads) = (false, 0);
        SocketBio.Calls(this);
    }

    /// <summary>Why a call brought nothing.</summary>
    /// <returns>As of <see cref="TryReceive"/>.</returns>
    private unsafe int Judge()
    {
        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }

        if (IsDry || IsFull)
        {
            return -1;
        }

        if (IsOver || (Libssl.GetShutdown(_ssl) & Libssl.ShutdownReceived) != 0)
        {
            return 0;
        }

        var reason = Marshal.PtrToStringUTF8((nint)Libssl.ReasonOf(Libssl.PeekError()));
        Libssl.ClearErrors();
        throw new TlsException(reason ?? "TLS failed.");
    }

    /// <summary>What the client sent is not TLS, or not what was agreed upon.</summary>
    private sealed class TlsException(string message) : IOException(message);
}
