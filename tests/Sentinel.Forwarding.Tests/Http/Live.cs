using System.IO.Pipelines;
using System.Net;

namespace Sentinel.Forwarding.Tests.Http;

/// <summary>Passes on what is written to a pipe as soon as it is written.</summary>
internal sealed class Live(PipeReader reader) : HttpContent
{
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        while (true)
        {
            var piece = await reader.ReadAsync();
            foreach (var segment in piece.Buffer)
            {
                await stream.WriteAsync(segment);
            }

            await stream.FlushAsync();
            reader.AdvanceTo(piece.Buffer.End);
            if (piece.IsCompleted)
            {
                return;
            }
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
