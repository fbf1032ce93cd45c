using System.Net;
using System.Net.Http.Headers;

namespace Sentinel.Recovery.Watching.Probes;

/// <summary>
/// The gRPC health protocol says SERVING for the server as a whole (grpc.health.v1.Health/Check). Both messages are so
/// small that they are written here as bytes: the request is empty, the answer is field 1, an enum.
/// </summary>
internal sealed class GrpcProbe(int port) : IProbe
{
    private const int FrameHead = 5;
    private static readonly HttpClient Client = ProbeHttpClient.Create();
    private static readonly string[] States = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

    public async Task<string?> CheckAsync(string host, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, ProbeHttpClient.Address(host, port, "/grpc.health.v1.Health/Check"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(new byte[FrameHead]),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));

        using var response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            return $"answered {(int)response.StatusCode} to a gRPC health check";
        }

        var body = await ReadAsync(response.Content, cancellationToken).ConfigureAwait(false);
        var status = Status(response.TrailingHeaders) ?? Status(response.Headers);
        if (status is not "0")
        {
            return $"answered grpc-status {status ?? "(none)"} to a health check";
        }

        var state = State(body);
        return state == 1 ? null : $"says {(state >= 0 && state < States.Length ? States[state] : "nothing that can be read")}";
    }

    /// <summary>The enum of the answer, whose default may be left out; -1 if it is no such answer.</summary>
    internal static int State(ReadOnlySpan<byte> frame) =>
        frame.Length < FrameHead || frame[0] != 0 ? -1
        : frame[FrameHead..] is [] ? 0
        : frame[FrameHead..] is [0x08, < 0x80 and var state] ? state
        : -1;

    private static async Task<byte[]> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var buffer = new byte[64];
        var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return buffer[..length];
    }

    private static string? Status(HttpResponseHeaders headers) =>
        headers.TryGetValues("grpc-status", out var values) ? values.FirstOrDefault() : null;
}
