using System.Net;

namespace Sentinel.Forwarding.Http.HandOver;

/// <summary>A place in the inner Kestrel where connections are handed in. It is no address: nothing on the network leads there.</summary>
/// <param name="name">For Kestrel's own messages.</param>
internal sealed class HandOverEndPoint(string name) : EndPoint
{
    /// <summary>Takes HTTP/1.x.</summary>
    public static readonly HandOverEndPoint Http1 = new("http/1");

    /// <summary>Takes HTTP/2 from its preface on.</summary>
    public static readonly HandOverEndPoint Http2 = new("http/2");

    public override string ToString() => name;
}
