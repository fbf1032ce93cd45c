using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Sentinel.Forwarding.Http;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>A backend that does with each connection exactly what a test says, and closes it then.</summary>
internal sealed class ScriptedBackend : IDisposable
{
    private readonly Socket _listening = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Peer> _peers = [];
    private readonly Func<Peer, Task> _script;
    private readonly SslStreamCertificateContext? _certificate;
    private int _closed;

    /// <param name="certificate">For TLS; null: in clear.</param>
    public ScriptedBackend(Func<Peer, Task> script, IPEndPoint? endPoint = null, SslStreamCertificateContext? certificate = null)
    {
        (_script, _certificate) = (script, certificate);
        _listening.Bind(endPoint ?? new(Loopback.Next(), 0));
        _listening.Listen(128);
        EndPoint = (IPEndPoint)_listening.LocalEndPoint!;
        _ = AcceptAsync();
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>The heads of all requests, in the order they came.</summary>
    public IReadOnlyList<string> Requests
    {
        get
        {
            lock (_peers)
            {
                return [.. _peers.SelectMany(peer => peer.Heads)];
            }
        }
    }

    /// <summary>How many connections the script is done with.</summary>
    public int Closed => Volatile.Read(ref _closed);

    public int Connections
    {
        get
        {
            lock (_peers)
            {
                return _peers.Count;
            }
        }
    }

    /// <summary>Stops as a killed process does: the socket is closed, and whatever is open with it.</summary>
    public void Kill()
    {
        _listening.Dispose();
        lock (_peers)
        {
            foreach (var peer in _peers)
            {
                peer.Dispose();
            }
        }
    }

    public void Dispose() => Kill();

    private async Task AcceptAsync()
    {
        while (true)
        {
            Peer peer;
            try
            {
                peer = new(await _listening.AcceptAsync());
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            lock (_peers)
            {
                _peers.Add(peer);
            }

            _ = ServeAsync(peer);
        }
    }

    private async Task ServeAsync(Peer peer)
    {
        try
        {
            await peer.BeginAsync(_certificate);
            await _script(peer);
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            // Broken by the other side, or killed by the test.
        }

        peer.End();
        Interlocked.Increment(ref _closed);
    }

    internal sealed class Peer(Socket socket) : IDisposable
    {
        private readonly List<byte> _rest = [];
        private readonly List<string> _heads = [];
        private readonly Corked _clear = new(new(socket));
        private Stream? _stream;

        private Stream Stream => _stream!;

        public IReadOnlyList<string> Heads
        {
            get
            {
                lock (_heads)
                {
                    return [.. _heads];
                }
            }
        }

        public async Task BeginAsync(SslStreamCertificateContext? certificate)
        {
            _stream = _clear;
            if (certificate is not null)
            {
                var tls = new SslStream(_clear);
                _stream = tls;
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = certificate });
            }
        }

        /// <summary>The head of the next request; null if the client closed first.</summary>
        public async Task<string?> ReadHeadAsync()
        {
            var buffer = new byte[4096];
            while (true)
            {
                var text = Encoding.Latin1.GetString([.. _rest]);
                if (text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is >= 0 and var end)
                {
                    _rest.RemoveRange(0, end + 4);
                    lock (_heads)
                    {
                        _heads.Add(text[..end]);
                    }

                    return text[..end];
                }

                var n = await Stream.ReadAsync(buffer);
                if (n == 0)
                {
                    return null;
                }

                _rest.AddRange(buffer[..n]);
            }
        }

        public async Task<string> ReadBodyAsync(int length)
        {
            var buffer = new byte[4096];
            while (_rest.Count < length)
            {
                var n = await Stream.ReadAsync(buffer);
                if (n == 0)
                {
                    break;
                }

                _rest.AddRange(buffer[..n]);
            }

            var body = Encoding.Latin1.GetString([.. _rest.Take(length)]);
            _rest.RemoveRange(0, body.Length);
            return body;
        }

        public async Task SendAsync(string text) => await Stream.WriteAsync(Encoding.Latin1.GetBytes(text));

        /// <summary>Sends several pieces in one go; over TLS, a record each.</summary>
        public async Task SendTogetherAsync(params string[] pieces)
        {
            _clear.Cork();
            foreach (var piece in pieces)
            {
                await SendAsync(piece);
            }

            await _clear.UncorkAsync();
        }

        public void FinishSending() => socket.Shutdown(SocketShutdown.Send);

        public void Reset()
        {
            socket.LingerState = new(true, 0);
            socket.Dispose();
        }

        /// <summary>Ends it now: of a socket that was in use a moment ago, .NET may close the descriptor a moment after it is disposed of.</summary>
        public void End()
        {
            try
            {
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The script or the other side has ended it.
            }

            Dispose();
        }

        public void Dispose() => socket.Dispose();
    }

    /// <summary>A connection that can be told to wait for more before it sends.</summary>
    private sealed class Corked(NetworkStream inner) : AsyncStream
    {
        private MemoryStream? _held;

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public void Cork() => _held = new();

        public async Task UncorkAsync()
        {
            var held = _held!.ToArray();
            _held = null;
            await inner.WriteAsync(held);
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            (_held ?? (Stream)inner).WriteAsync(buffer, cancellationToken);
    }
}
