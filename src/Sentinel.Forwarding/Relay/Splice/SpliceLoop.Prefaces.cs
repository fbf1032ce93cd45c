using System.Net;
using Sentinel.Forwarding.Prefaces;

namespace Sentinel.Forwarding.Relay.Splice;

// What a client must show before a backend is looked for, and what a backend is told before the client's first byte.
internal sealed unsafe partial class SpliceLoop
{
    // Of a hello that comes in drops: 5 KiB byte by byte, or all that one may have in pieces of thirty. Each look costs everybody else some time.
    private const int MostLookedAt = 12 * 1024 * 1024;

    /// <summary>Begins with a client of whom nothing is known yet but its address.</summary>
    /// <param name="isProxy">That is a proxy's, and a header must come first.</param>
    private void Begin(int index, bool isProxy)
    {
        ref var slot = ref _slots[index];
        slot.State = isProxy ? SlotState.Prefacing : slot.Share.Answerer is null ? SlotState.Dialling : SlotState.Greeting;
        Guarded(index, slot.State == SlotState.Dialling ? &DialNext : &AwaitPreface);
    }

    /// <summary>
    /// Begins to wait for a preface. Its bytes stay in the socket until it is whole, so waiting costs no memory; each
    /// arrival is an event, and everything is looked at again.
    /// </summary>
    private static void AwaitPreface(SpliceLoop loop, int index)
    {
        loop.ArmFor(index, loop._slots[index].Rules.Settings.HeaderTimeout);

        // tells of what has come already
        if (!loop.WatchForClient(index, WatchClient))
        {
            loop.End(index, ConnectionEnd.Failed);
        }
    }

    private void ReadPreface(int index)
    {
        ref var slot = ref _slots[index];
        var peeked = (int)Libc.Receive(slot.ClientSocket, _pump.Buffer, ProxyHeader.MaxLength, Libc.MsgPeek);
        if (peeked < 0 && *_errno == Errno.Again)
        {
            return;
        }

        var verdict = ProxyHeader.Read(new(_pump.Buffer, Math.Max(0, peeked)), out var header, out var length);
        if (verdict == ProxyHeaderVerdict.Invalid)
        {
            End(index, ConnectionEnd.BadPreface);
        }
        else if (verdict == ProxyHeaderVerdict.Complete)
        {
            // consumed to the byte: what follows is the backend's
            _ = Libc.Receive(slot.ClientSocket, _pump.Buffer, length, 0);
            Introduced(index, header);
        }
        else if (peeked <= 0 || (slot.ClientReady & (Readiness.Ending | Readiness.Broken)) != 0)
        {
            // nothing more can come
            End(index, ConnectionEnd.ClientLeft);
        }
    }

    /// <summary>A proxy has said for whom it comes; a connection of its own, such as a health check, is its own client's.</summary>
    private void Introduced(int index, ProxyHeader header)
    {
        ref var slot = ref _slots[index];
        if (header.Source is { } source)
        {
            (slot.Client, slot.Reached) = (new(source.Address, source.Port), header.Destination);
        }

        if (!slot.Rules.Gate.Identify(slot.Rules, slot.Client.ClientAddress))
        {
            End(index, ConnectionEnd.ClientFull);
        }
        else if (slot.Share.Answerer is null)
        {
            slot.State = SlotState.Dialling;
            DialNext(this, index);
        }
        else
        {
            // what came with the header has no event of its own
            slot.State = SlotState.Greeting;
            ArmFor(index, slot.Rules.Settings.HeaderTimeout);
            ReadHello(index);
        }
    }

    private void ReadHello(int index)
    {
        ref var slot = ref _slots[index];
        var peeked = (int)Libc.Receive(slot.ClientSocket, _pump.Buffer, ClientHelloParser.MostBytes, Libc.MsgPeek);
        if (peeked < 0 && *_errno == Errno.Again)
        {
            return;
        }

        var answerer = slot.Share.Answerer!;
        var preface = ClientHelloParser.Read(new(_pump.Buffer, Math.Max(0, peeked)), out var hello);
        if (preface == TlsPreface.Hello && !answerer.Wants(hello))
        {
            slot.Route = slot.Rules.Routes.Match(hello.ServerName, "/");
            slot.State = SlotState.Dialling;
            DialNext(this, index);
        }
        else if (preface != TlsPreface.Undecided)
        {
            GiveTo(answerer, index);
        }
        else if ((slot.Looked += Math.Max(0, peeked)) > MostLookedAt)
        {
            End(index, ConnectionEnd.HandshakeFailed);
        }
        else if (peeked < 0 || (slot.ClientReady & Readiness.Broken) != 0)
        {
            End(index, ConnectionEnd.ClientReset);
        }
        else if (peeked == 0 || (slot.ClientReady & Readiness.Ending) != 0)
        {
            // nothing more can come
            End(index, peeked == 0 ? ConnectionEnd.Completed : ConnectionEnd.HandshakeFailed);
        }
    }

    /// <summary>Tells a backend who comes, before anything else is sent to it.</summary>
    /// <returns>False if it broke the connection before it took a byte.</returns>
    private static bool Announce(ref Slot slot)
    {
        var form = slot.Rules.Settings.ProxyProtocol;
        if (form == ProxyProtocol.None)
        {
            return true;
        }

        // a socket that has just connected takes a header at once
        var header = stackalloc byte[ProxyHeader.MaxWritten];
        var length = new ProxyHeader(slot.Client.ToEndPoint(), slot.Reached ?? LocalName(slot.ClientSocket)).Write(form, new(header, ProxyHeader.MaxWritten));
        return Libc.Send(slot.UpstreamSocket, header, length, Libc.MsgNoSignal) == length;
    }

    private static IPEndPoint? LocalName(int socket)
    {
        var address = stackalloc byte[SocketName.MaxLength];
        var length = SocketName.MaxLength;
        return Libc.GetSocketName(socket, address, &length) == 0 ? new SocketName(address).ToEndPoint() : null;
    }
}
