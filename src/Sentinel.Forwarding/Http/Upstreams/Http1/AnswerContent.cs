using System.Net;

namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>The body of an answer as the HTTP message classes want it. Disposed before its end, it breaks off the connection.</summary>
internal sealed class AnswerContent : HttpContent
{
    private Stream _body = Stream.Null;

    /// <summary>Set after the head is turned into a message, which wants its content first.</summary>
    public void Set(Stream body) => _body = body;

    protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult(_body);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => _body.CopyToAsync(stream);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _body.Dispose();
        }

        base.Dispose(disposing);
    }
}
