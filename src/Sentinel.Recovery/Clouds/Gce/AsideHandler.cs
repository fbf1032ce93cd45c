namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>
/// Hands an answer on once it is there whole, and from another thread than the one that learned of the socket: thousands of VMs are
/// read and files written of an answer, and that thread has others to serve.
/// </summary>
internal sealed class AsideHandler(HttpMessageHandler network) : DelegatingHandler(network)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        try
        {
            await response.Content.LoadIntoBufferAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            response.Dispose();
            throw;
        }

        await Task.Yield();
        return response;
    }
}
