using System.IO.Pipelines;
using Sentinel.Forwarding.Http.Transports;

namespace Sentinel.Forwarding.Http.Loops;

/// <summary>Both directions of a connection, as whoever serves HTTP on it wants them.</summary>
/// <param name="count">Told of every byte that was read, or that the socket took.</param>
internal sealed class LoopPipe(IPromptSocket socket, IByteCount count) : IAbandonablePipe
{
    private readonly LoopWriter _output = new(socket, count);

    public PipeReader Input { get; } = new LoopReader(socket, count);

    public PipeWriter Output => _output;

    /// <summary>As <see cref="LoopWriter.FinishAsync"/>.</summary>
    public ValueTask FinishAsync() => _output.FinishAsync();

    public void Abandon() => _output.Abandon();
}
