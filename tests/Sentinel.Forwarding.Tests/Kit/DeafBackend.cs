using System.Net;
using System.Net.Sockets;

namespace Sentinel.Forwarding.Tests.Kit;

/// <summary>An address where nobody answers a knock: its backlog is full and nobody accepts.</summary>
internal sealed class DeafBackend : IDisposable
{
    private readonly Socket _listening = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Socket> _filling = [];

    public DeafBackend(IPAddress address)
    {
        _listening.Bind(new IPEndPoint(address, 0));
        _listening.Listen(0);
        for (var i = 0; i < 4; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            _filling.Add(socket);
            try
            {
                socket.Connect(_listening.LocalEndPoint!);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
            {
                socket.Poll(TimeSpan.FromMilliseconds(20), SelectMode.SelectWrite);
            }
        }
    }

    public int Port => ((IPEndPoint)_listening.LocalEndPoint!).Port;

    public void Dispose()
    {
        _listening.Dispose();
        foreach (var socket in _filling)
        {
            socket.Dispose();
        }
    }
}
