using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using Sentinel.Forwarding.Http.Loops;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>
/// HTTP/1.1 towards one backend, with its idle connections. Stands in for <see cref="SocketsHttpHandler"/>, which sends a
/// request whole before it looks for the answer and repeats some by itself: see docs/decisions/own-http1-upstream.md. Thread-safe.
/// </summary>
/// <param name="host">An IP address or a name.</param>
/// <param name="watch">Reviews the sockets.</param>
/// <param name="time">Measures idleness.</param>
internal sealed class Http1Handler(string host, SocketWatch watch, TimeProvider time) : HttpMessageHandler
{
    // Servers close idle connections as they like (Node and Apache after 5 s, nginx after 75): what was sent on one just then is
    // sent again. While there is something to do, what a crowd needs at once stays for the next, who would all have to wait for
    // new ones: as many of a kind as nginx is usually told to keep. More would burden servers that have a process for each.
    private const int MostIdle = 64;
    private static readonly TimeSpan LongestIdle = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestIdleBeyond = TimeSpan.FromSeconds(4);

    // A machine that has not been heard for so long may have vanished without a sign: a new connection finds out, and nothing
    // is sent on one of those that it left.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(4);

    // A request that may not be sent again must not be risked on a connection that could be dead without a sign: a
    // machine that vanished answers no dial, and what was never sent can go elsewhere. One used a moment ago is alive.
    private static readonly TimeSpan LongestIdleUnrepeatable = TimeSpan.FromSeconds(1);

    // A request that may be sent again takes the word of its loop for a connection that was in use a moment ago.
    private static readonly TimeSpan Hot = TimeSpan.FromMilliseconds(10);

    private readonly ConcurrentDictionary<UpstreamWay, Stack<Http1Connection>> _idle = new();
    private volatile bool _disposed;
    private long _heardAt;

    /// <summary>Closes what has been idle for long, and what is closed already. Called about once a second.</summary>
    public void Review()
    {
        var longest = IsSilentAt(time.GetTimestamp()) ? LongestIdleBeyond : LongestIdle;
        foreach (var idle in _idle.Values)
        {
            lock (idle)
            {
                // The newest are on top and come first. Those that their backends closed are gone.
                var all = idle.ToArray();
                var kept = all.Where((connection, newer) =>
                    connection.SeemsUsable && time.GetElapsedTime(connection.IdleSince) < (newer < MostIdle ? longest : LongestIdleBeyond)).Reverse().ToArray();
                if (kept.Length == all.Length)
                {
                    continue;
                }

                foreach (var connection in all.Except(kept))
                {
                    connection.Abort();
                }

                idle.Clear();
                foreach (var connection in kept)
                {
                    idle.Push(connection);
                }
            }
        }
    }

    /// <summary>The backend has answered.</summary>
    public void Heard() => Volatile.Write(ref _heardAt, time.GetTimestamp());

    /// <summary>A connection is free for the next exchange.</summary>
    public void Return(Http1Connection connection)
    {
        var idle = _idle.GetOrAdd(connection.Way, static _ => new());
        lock (idle)
        {
            if (!_disposed)
            {
                idle.Push(connection);
                return;
            }
        }

        connection.Abort();
    }

    /// <summary>A connection is closed.</summary>
    public void Closed(Http1Connection connection) => watch.Remove(connection.Socket);

    /// <summary>An idle connection for one exchange, if there is one.</summary>
    /// <param name="way">Of what kind.</param>
    /// <param name="isRepeatable">Whether the request may be sent again if the connection turns out dead.</param>
    public Http1Connection? TryTake(UpstreamWay way, bool isRepeatable)
    {
        if (!_idle.TryGetValue(way, out var idle))
        {
            return null;
        }

        var now = time.GetTimestamp();
        if (IsSilentAt(now))
        {
            return null;
        }

        var longestIdle = isRepeatable ? LongestIdle : LongestIdleUnrepeatable;
        lock (idle)
        {
            while (idle.TryPeek(out var connection) && time.GetElapsedTime(connection.IdleSince, now) is var idleFor && idleFor < longestIdle)
            {
                idle.Pop();
                if (isRepeatable && idleFor < Hot ? connection.SeemsUsable : connection.IsUsable())
                {
                    return connection;
                }

                connection.Abort();
            }
        }

        return null;
    }

    /// <summary>A new connection for one exchange.</summary>
    /// <exception cref="DialFailure">It could not be opened.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async ValueTask<Http1Connection> DialAsync(int port, DialTerms terms, CancellationToken cancellationToken)
    {
        var onLoop = terms.Loop is null ? null : await terms.DialOnLoopAsync(host, port, cancellationToken);
        var socket = onLoop is not null ? onLoop.Socket! : await terms.DialAsync(host, port, cancellationToken);
        Stream clear = onLoop is null ? new NetworkStream(socket, ownsSocket: true) : new LoopStream(onLoop);
        var stream = await terms.SecureAsync(clear, host, SslApplicationProtocol.Http11, cancellationToken);
        watch.Add(socket);
        return new(this, socket, onLoop, stream, new(port, terms.Tls, terms.Loop), time);
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var (port, terms) = (request.RequestUri!.Port, DialTerms.Of(request));
        var kept = terms.MustBeNew ? null : TryTake(new(port, terms.Tls, terms.Loop), isRepeatable: false); // a WebSocket of HTTP/2's, which nobody sends again
        var connection = kept ?? await DialAsync(port, terms, cancellationToken);
        try
        {
            await using (cancellationToken.UnsafeRegister(static connection => ((Http1Connection)connection!).Abort(), connection))
            {
                var head = await connection.AskAsync(new MessageRequest(request));
                var content = new AnswerContent();
                var message = head.ToMessage(request, content);
                content.Set(head.Status == 101 ? connection.Switch() : connection.Open(head, message));
                return message;
            }
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        finally
        {
            // Not before the cancellation can reach this exchange no more.
            connection.Release();
        }
    }

    protected override void Dispose(bool disposing)
    {
        _disposed = true;
        foreach (var idle in _idle.Values)
        {
            lock (idle)
            {
                while (idle.TryPop(out var connection))
                {
                    connection.Abort();
                }
            }
        }

        base.Dispose(disposing);
    }

    private bool IsSilentAt(long now) => time.GetElapsedTime(Volatile.Read(ref _heardAt), now) >= LongestSilence;
}
