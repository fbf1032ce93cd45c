namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>A request for a WebSocket of a client of HTTP/2, which YARP's forwarder makes. It has no body: what follows comes after the switch.</summary>
internal sealed class MessageRequest(HttpRequestMessage message) : OutgoingRequest
{
    public override bool IsHead => message.Method == HttpMethod.Head;

    public override bool MayUpgrade => message.Headers.NonValidated.Contains("Upgrade");

    public override Framing Framing => Framing.None;

    public override long Length => 0;

    public override bool AwaitsContinue => false;

    protected override void WriteHead(HeadWriter target)
    {
        target.Start(message.Method.Method, message.RequestUri!.PathAndQuery);
        target.Field("Host", message.Headers.Host ?? message.RequestUri.Authority);
        foreach (var (name, values) in message.Headers.NonValidated)
        {
            if (!name.Equals("Host", StringComparison.OrdinalIgnoreCase))
            {
                foreach (var value in values)
                {
                    target.Field(name, value);
                }
            }
        }

        target.End();
    }

    public override Task CopyBodyAsync(RequestBody target, CancellationToken stop) => Task.CompletedTask;
}
