using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Listeners;

/// <summary>
/// Accepts on one socket for the engines that have no loop of their own, and passes on whom the gate admits. An error
/// never ends it: out of descriptors, it pauses and goes on.
/// </summary>
internal sealed class AcceptLoop : IAccepting
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BeatInterval = TimeSpan.FromSeconds(1);

    private readonly Socket _listening;
    private readonly Gate _gate;
    private readonly IAcceptSink _sink;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly LoopProgress _progress;
    private volatile bool _parked;

    private AcceptLoop(Socket listening, Gate gate, IAcceptSink sink, LoopRegistry loops, ILogger logger)
    {
        (_listening, _gate, _sink, _logger) = (listening, gate, sink, logger);
        _progress = loops.Add($"accept.{gate.Name}");
    }

    /// <summary>Begins to accept on a listening socket, which stays the caller's.</summary>
    public static AcceptLoop Start(Socket listening, Gate gate, IAcceptSink sink, LoopRegistry loops, ILogger logger)
    {
        var loop = new AcceptLoop(listening, gate, sink, loops, logger);
        loop.Completion = Task.Run(loop.RunAsync);
        return loop;
    }

    public Task Completion { get; private set; } = Task.CompletedTask;

    public void Dispose() => _stop.Cancel();

    private async Task RunAsync()
    {
        // Parked in accept it has nothing to do, and that is progress. The timer tells that the thread pool still runs;
        // a loop that is not parked must come round by itself.
        using var beat = _gate.Time.CreateTimer(_ => BeatIfParked(), null, BeatInterval, BeatInterval);
        using (_progress)
        {
            while (!_stop.IsCancellationRequested)
            {
                _progress.Beat();
                if (!await AcceptAsync().ConfigureAwait(false))
                {
                    await Task.Delay(Pause, _gate.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }
    }

    /// <returns>False if it is better to pause before the next.</returns>
    private async ValueTask<bool> AcceptAsync()
    {
        try
        {
            _parked = true;
            var socket = await _listening.AcceptAsync(_stop.Token).ConfigureAwait(false);
            _parked = false;
            if (Descriptors.IsLastForClients(socket.Handle))
            {
                socket.Dispose();
                _gate.OutOfDescriptors();
                return false;
            }

            Take(socket);
            return true;
        }
        catch (SocketException e) when (!_stop.IsCancellationRequested)
        {
            // The client gave up while it stood in the backlog: the next one is there already.
            if (e.SocketErrorCode is SocketError.ConnectionAborted or SocketError.ConnectionReset)
            {
                return true;
            }

            _gate.AcceptFailed(e.SocketErrorCode);
            return false;
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            Log.AcceptBroke(_logger, e, _gate.Name);
            return false;
        }
        catch
        {
            return true;
        }
        finally
        {
            _parked = false;
        }
    }

    private void Take(Socket socket)
    {
        if (socket.RemoteEndPoint is not IPEndPoint endPoint || !Watched(socket))
        {
            // Reset before we came to it.
            socket.Dispose();
            return;
        }

        endPoint = endPoint.Address.IsIPv4MappedToIPv6 ? new(endPoint.Address.MapToIPv4(), endPoint.Port) : endPoint;
        var client = ClientAddress.Of(endPoint.Address);
        var rules = _gate.Rules;
        var isProxy = rules.Proxies is { } proxies && proxies.Contains(endPoint.Address);
        if (_gate.Admit(rules, isProxy ? null : client))
        {
            _sink.Take(socket, endPoint, client, rules, isProxy);
        }
        else
        {
            socket.Dispose();
        }
    }

    private static bool Watched(Socket socket)
    {
        try
        {
            if (!OperatingSystem.IsLinux())
            {
                DeadPeer.Watch(socket);
            }

            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void BeatIfParked()
    {
        if (_parked)
        {
            _progress.Beat();
        }
    }
}
