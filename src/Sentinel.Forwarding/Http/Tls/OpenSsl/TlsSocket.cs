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
    // In a row, as BoringSSL takes: OpenSSL would go through new keys without end, in one call, and others would wait for the loop.
    private const int MostRecordsWithoutData = 32;

    private readonly LoopSocket _socket;
    private readonly IByteCount _count;
    private readonly Lock _lock = new();
    private nint _ssl;

    // Of the call of OpenSSL that is under way.
    private bool _mayReceive;
    private bool _isFull;
    private Exception? _failure;

    // Of whoever reads: what came may be inside OpenSSL; it is to send first, which is in vain; it may not hear of what came meanwhile.
    private volatile bool _mayHoldMore;
    private bool _isBlocked;
    private bool _isUnsure;

    // Null until it is agreed upon.
    private int? _recordsWithoutData;

    // Why nothing is read any more.
    private TlsException? _refusal;

    /// <param name="socket">Nothing was read of it.</param>
    /// <param name="context">What is agreed upon.</param>
    /// <param name="count">Told of what passes, encrypted.</param>
    /// <exception cref="InsufficientMemoryException">OpenSSL has no memory.</exception>
    public TlsSocket(LoopSocket socket, TlsContext context, IByteCount count)
    {
        (_socket, _count) = (socket, count);
        _ssl = context.NewConnection();
        SocketBio.SetFor(_ssl);
        Libssl.SetAcceptState(_ssl);
    }

    public bool IsReadable => _mayHoldMore || _socket.IsReadable;

    /// <summary>For OpenSSL: whether its last call wanted more than there was.</summary>
    public bool IsDry { get; private set; }

    /// <summary>For OpenSSL: whether the client sends no more.</summary>
    public bool IsOver { get; private set; }

    /// <summary>What was agreed upon; default: nothing.</summary>
    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
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
        while (!TryAgree(out var isFull))
        {
            late.ThrowIfCancellationRequested();
            await (isFull ? WaitWritableAsync() : WaitReadableAsync());

            // The costly part may be still to come.
            await Task.Yield();
        }
    }

    public unsafe int TryReceive(Span<byte> target)
    {
        lock (_lock)
        {
            Begin(mayReceive: true);
            if (_isBlocked)
            {
                // What waits to be read is no reason to try again.
                _isUnsure = true;
                _socket.ForgetNews();
            }

            int n;
            fixed (byte* place = target)
            {
                n = Libssl.Read(_ssl, place, target.Length);
            }

            _isBlocked = n <= 0 && _isFull && !IsDry;
            _mayHoldMore = n > 0 ? Libssl.HasPending(_ssl) != 0 : !IsDry && !_isBlocked;
            if (n <= 0)
            {
                return Judge();
            }

            _recordsWithoutData = 0;
            return n;
        }
    }

    public unsafe int TrySend(ReadOnlySpan<byte> source)
    {
        lock (_lock)
        {
            Begin(mayReceive: false);
            int n;
            fixed (byte* place = source)
            {
                n = Libssl.Write(_ssl, place, source.Length);
            }

            if (_isBlocked && !_isFull)
            {
                _isBlocked = false;
                _socket.WakeReader();
            }

            if (n > 0)
            {
                return n;
            }

            if (Judge() == 0)
            {
                throw new IOException("The client has ended TLS.");
            }

            // Nothing is sent before the rest of a message has come. No client cuts one; waiting would be for what may never come, and for news of the wrong side.
            return !IsDry ? -1 : throw new TlsException("The client has sent a key by halves.");
        }
    }

    public ValueTask WaitReadableAsync() => _socket.WaitReadableAsync();

    public ValueTask WaitWritableAsync() => _socket.WaitWritableAsync();

    public void WakeReader() => _socket.WakeReader();

    public void WakeWriter() => _socket.WakeWriter();

    /// <summary>Says that nothing more comes, if anybody is left to hear it: without it, a client must take the end for a cut (RFC 8446 §6.1). Everything is to be flushed before.</summary>
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
            // A look that cannot find anything is a system call for nothing.
            var n = -1;
            if (_mayReceive && (_isUnsure || _socket.IsReadable))
            {
                _isUnsure = false;
                n = _socket.TryReceive(target);
            }

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
    /// <returns>-1 if the socket takes nothing; another time it may, unless it is <paramref name="isBroken"/>.</returns>
    public int Send(ReadOnlySpan<byte> source, out bool isBroken)
    {
        isBroken = false;
        try
        {
            var n = _socket.TrySend(source, out var broken);
            (isBroken, _failure, _isFull) = (broken is not null, broken ?? _failure, n < 0 && broken is null);
            if (n > 0)
            {
                _count.ToClient(n);
            }

            return n;
        }
        catch (Exception e)
        {
            isBroken = true;
            _failure = e;
            return -1;
        }
    }

    /// <summary>For OpenSSL, from within its calls: a record came that bears none of what is spoken in TLS.</summary>
    public void CameWithoutData()
    {
        if (++_recordsWithoutData > MostRecordsWithoutData)
        {
            _failure = _refusal = new($"The client has sent more than {MostRecordsWithoutData} records in a row without data, such as new keys.");

            // the rest of what it has sent is thrown away
            Libssl.SetShutdown(_ssl, Libssl.GetShutdown(_ssl) | Libssl.ReceivedShutdown);
        }
    }

    private bool TryAgree(out bool isFull)
    {
        lock (_lock)
        {
            Begin(mayReceive: true);
            var isAgreed = Libssl.Handshake(_ssl) == 1;
            isFull = _isFull;
            _mayHoldMore = isAgreed;
            _recordsWithoutData = isAgreed ? 0 : null;
            try
            {
                return isAgreed || (Judge() == 0 ? throw new IOException("The client left.") : false);
            }
            catch (TlsException e)
            {
                throw new AuthenticationException(e.Message, e);
            }
        }
    }

    private bool TryEndSending()
    {
        lock (_lock)
        {
            Begin(mayReceive: false);
            var isSaid = Libssl.Shutdown(_ssl) >= 0;
            if (_failure is not IOException)
            {
                Rethrow();
            }

            return isSaid || !_isFull;
        }
    }

    /// <exception cref="ObjectDisposedException">It was closed here.</exception>
    private void Begin(bool mayReceive)
    {
        ObjectDisposedException.ThrowIf(_ssl == 0, this);
        Libssl.ClearErrors();
        (_mayReceive, _failure) = (mayReceive, _refusal);
        (IsDry, _isFull) = (false, false);
        SocketBio.IsCalledBy(this);
    }

    /// <summary>Why a call brought nothing.</summary>
    /// <returns>As of <see cref="TryReceive"/>.</returns>
    /// <exception cref="TlsException">It is no TLS.</exception>
    private unsafe int Judge()
    {
        Rethrow();
        if (Libssl.PeekError() is not 0 and var error)
        {
            // An alert of the client's is one, too.
            throw new TlsException(Marshal.PtrToStringUTF8((nint)Libssl.ReasonOf(error)) ?? "TLS failed.");
        }

        if (IsDry || _isFull)
        {
            return -1;
        }

        return !IsOver || Libssl.HasPending(_ssl) == 0 ? 0 : throw new TlsException("The client left in the middle of a record.");
    }

    private void Rethrow()
    {
        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }
    }

    /// <summary>What the client sent is not TLS, or not what was agreed upon.</summary>
    private sealed class TlsException(string message) : IOException(message);
}
