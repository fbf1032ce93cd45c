namespace Sentinel.Recovery.Tests.Worlds;

/// <summary>
/// What carries one sentinel's requests. They arrive when the world says, or not; so do the answers. Nothing here hops to
/// another thread: a world unfolds the same way each time.
/// </summary>
/// <param name="isAlive">Whether the daemon lives that these are the requests of.</param>
internal sealed class CloudWire(CloudWorld world, string sentinel, Func<bool> isAlive) : HttpMessageHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        world.MustStay();
        var reply = new TaskCompletionSource<HttpResponseMessage>();
        var body = request.Content is null ? null : new StreamReader(request.Content.ReadAsStream(cancellationToken)).ReadToEnd();
        var call = new Call(sentinel, request.Method, request.RequestUri!, body, world.Now);
        cancellationToken.Register(() => reply.TrySetCanceled(cancellationToken));
        if (!isAlive())
        {
            return reply.Task;
        }

        world.Carry(call, isAlive, reply);
        return reply.Task;
    }

    /// <summary>One request.</summary>
    internal sealed record Call(string Sentinel, HttpMethod Method, Uri Uri, string? Body, DateTimeOffset At)
    {
        public bool IsWait => Uri.AbsolutePath.EndsWith("/wait", StringComparison.Ordinal);

        /// <summary>Reads the VM.</summary>
        public bool IsLook => Method == HttpMethod.Get && Uri.AbsolutePath.EndsWith($"/instances/{CloudWorldShape.Vm.Name}", StringComparison.Ordinal);

        public bool IsLookAtDisk => Method == HttpMethod.Get && Uri.AbsolutePath.Contains("/disks/", StringComparison.Ordinal);

        public bool IsChange => Method == HttpMethod.Post && !IsWait;

        /// <summary>As a transcript tells it.</summary>
        public override string ToString() => $"{Sentinel} {Method} {Uri.AbsolutePath[(Uri.AbsolutePath.IndexOf("test-project", StringComparison.Ordinal) + 12)..]}";
    }
}
