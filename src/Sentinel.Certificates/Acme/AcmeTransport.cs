using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Text.Json.Serialization.Metadata;

namespace Sentinel.Certificates.Acme;

/// <summary>Signed requests to one authority, with their nonces. Thread-safe.</summary>
internal sealed class AcmeTransport : IDisposable
{
    /// <summary>A server that refuses so many nonces in a row, each of which it had just given, does not work.</summary>
    private const int MostNonces = 64;

    private const int LargestAnswer = 1 << 20;
    private const string BadNonce = "badNonce";

    private static readonly MediaTypeHeaderValue Signed = new("application/jose+json");

    private readonly HttpClient _http;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Stack<string> _nonces = [];
    private DirectoryDocument? _directory;

    /// <param name="directory">The authority's directory.</param>
    /// <param name="caFile">Further roots for its own TLS, in PEM; null: the system's alone.</param>
    public AcmeTransport(Uri directory, string? caFile, TimeProvider time)
    {
        (Directory, _time) = (directory, time);
        var trust = new DirectoryTrust(caFile, time);
        _http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = System.Net.DecompressionMethods.All,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = trust.Judge },
        })
        {
            Timeout = TimeSpan.FromSeconds(30),
            MaxResponseContentBufferSize = LargestAnswer,
        };
        _http.DefaultRequestHeaders.UserAgent.Add(new("sentinel", typeof(AcmeTransport).Assembly.GetName().Version?.ToString(3)));
    }

    /// <summary>Where the authority is.</summary>
    public Uri Directory { get; }

    /// <summary>How far the authority's clock is ahead of ours, to the second, as its last answer told.</summary>
    public TimeSpan ClockAhead { get; private set; }

    /// <summary>Where everything is. Read once.</summary>
    /// <exception cref="AcmeException">It is no directory.</exception>
    /// <exception cref="HttpRequestException">It cannot be reached.</exception>
    public async Task<DirectoryDocument> ReadDirectoryAsync(CancellationToken cancellationToken) =>
        _directory ??= (await GetAsync(Directory, AcmeJson.Default.DirectoryDocument, cancellationToken).ConfigureAwait(false)).Document;

    /// <summary>Reads what is not signed for.</summary>
    /// <exception cref="AcmeException">Refused.</exception>
    /// <exception cref="HttpRequestException">The authority cannot be reached.</exception>
    public async Task<(T Document, TimeSpan? RetryAfter)> GetAsync<T>(Uri url, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        var reply = await SendAsync(request, cancellationToken).ConfigureAwait(false);
        return (reply.Read(type), reply.RetryAfter);
    }

    /// <summary>Sends a signed request; one whose nonce is refused is signed anew with the nonce that came with the refusal (§6.5).</summary>
    /// <exception cref="AcmeException">Refused.</exception>
    /// <exception cref="HttpRequestException">The authority cannot be reached.</exception>
    public async Task<AcmeReply> PostAsync(Uri url, AccountKey key, string? account, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        for (var left = MostNonces; ; left--)
        {
            var nonce = await TakeNonceAsync(cancellationToken).ConfigureAwait(false);
            using var request = new HttpRequestMessage(HttpMethod.Post, url)
            {
                Content = new ByteArrayContent(Jws.Sign(key, account, url, nonce, payload.Span)) { Headers = { ContentType = Signed } },
            };
            try
            {
                return await SendAsync(request, cancellationToken).ConfigureAwait(false);
            }
            catch (AcmeException e) when (e.Problem.Is(BadNonce) && left > 1)
            {
                // The next one came with the refusal.
            }
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<string> TakeNonceAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_nonces.TryPop(out var kept))
            {
                return kept;
            }
        }

        var directory = await ReadDirectoryAsync(cancellationToken).ConfigureAwait(false);
        using var request = new HttpRequestMessage(HttpMethod.Head, directory.NewNonce);
        var reply = await SendAsync(request, cancellationToken).ConfigureAwait(false);
        return reply.Nonce ?? throw new AcmeException($"{directory.NewNonce} gives no nonce");
    }

    private async Task<AcmeReply> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (response.Headers.Date is { } date)
            {
                ClockAhead = date - _time.GetUtcNow();
            }

            var body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            var reply = new AcmeReply(response, body, RetryAfter(response), request.RequestUri!);
            if (reply.Nonce is { } nonce && request.Method != HttpMethod.Head)
            {
                Keep(nonce); // One that was asked for belongs to whoever asked.
            }

            // Keys are made and files written of what was answered; the thread that learned of the socket has others to serve.
            await Task.Yield();
            return response.IsSuccessStatusCode ? reply : throw new AcmeException(reply.ReadProblem(), reply.RetryAfter);
        }
        catch (HttpRequestException e) when (e.InnerException is AuthenticationException why)
        {
            throw new HttpRequestException($"{request.RequestUri!.Host} is not trusted: {why.Message}", e);
        }
        catch (TaskCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HttpRequestException($"{request.RequestUri!.Authority} took too long to answer", e);
        }
    }

    private void Keep(string nonce)
    {
        lock (_lock)
        {
            // What lies for long is refused; few are ever out at once.
            if (_nonces.Count >= 8)
            {
                _nonces.Clear();
            }

            _nonces.Push(nonce);
        }
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - _time.GetUtcNow() is var wait && wait > TimeSpan.Zero ? wait : TimeSpan.Zero,
        _ => null,
    };
}
