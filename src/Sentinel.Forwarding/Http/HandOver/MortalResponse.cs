using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace Sentinel.Forwarding.Http.HandOver;

/// <summary>Kestrel's response, whose completion ends with its client: of one that has gone, Kestrel may leave it without an end (<see cref="LentContext"/>).</summary>
internal sealed class MortalResponse(IHttpResponseBodyFeature inner, CancellationToken gone) : IHttpResponseBodyFeature
{
    public Stream Stream => inner.Stream;

    public PipeWriter Writer => inner.Writer;

    public void DisableBuffering() => inner.DisableBuffering();

    public Task StartAsync(CancellationToken cancellationToken = default) => inner.StartAsync(cancellationToken);

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        inner.SendFileAsync(path, offset, count, cancellationToken);

    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    public Task CompleteAsync() => inner.CompleteAsync().WaitAsync(gone);
}
