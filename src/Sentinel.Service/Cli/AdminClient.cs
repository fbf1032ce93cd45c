using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Cli;

/// <summary>Speaks to a daemon's admin endpoint. What goes wrong ends the command: see <see cref="CommandFailure"/>.</summary>
internal sealed class AdminClient : IDisposable
{
    private readonly HttpClient _http;
    private readonly Uri _address;

    /// <param name="patience">For one answer; 15 s unless given.</param>
    public AdminClient(Uri address, string? token, TimeSpan? patience = null)
    {
        _address = address;
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(5) })
        {
            BaseAddress = address,
            Timeout = patience ?? TimeSpan.FromSeconds(15),
        };
        if (!string.IsNullOrEmpty(token))
        {
            if (token.AsSpan().ContainsAnyExceptInRange('!', '~'))
            {
                throw new CommandFailure(ExitStatus.Usage, "the token holds blanks or letters beyond ASCII, which no header can carry; is its file the right one?");
            }

            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    /// <summary>The document at a path, as it came.</summary>
    public Task<string> GetTextAsync(string path, CancellationToken cancellationToken) => SendAsync(HttpMethod.Get, path, cancellationToken);

    /// <summary>The document at a path.</summary>
    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        Parse(await GetTextAsync(path, cancellationToken).ConfigureAwait(false), type);

    /// <summary>Asks for something to be done.</summary>
    /// <returns>The document that answers.</returns>
    public async Task<T> PostAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        await SendAsync(HttpMethod.Post, path, content: null, type, cancellationToken).ConfigureAwait(false);

    /// <summary>Asks for something, and says more about it.</summary>
    /// <returns>The document that answers.</returns>
    public async Task<T> SendAsync<T>(HttpMethod method, string path, HttpContent? content, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        Parse(await SendAsync(method, path, cancellationToken, content).ConfigureAwait(false), type);

    public void Dispose() => _http.Dispose();

    private async Task<string> SendAsync(HttpMethod method, string path, CancellationToken cancellationToken, HttpContent? content = null)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path.TrimStart('/')) { Content = content };
            using var response = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            var body = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            return response.IsSuccessStatusCode ? body : throw Refused(response, body);
        }
        catch (HttpRequestException e)
        {
            var why = e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused } ? "nobody listens there" : e.Message;
            throw new CommandFailure(ExitStatus.NoDaemon, $"no daemon answers at {_address}: {why}; start one with 'sentinel run', or say where it is with --admin URL");
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CommandFailure(ExitStatus.NoDaemon, $"no daemon answers at {_address}: it took too long; see its log, or say where it is with --admin URL");
        }
    }

    private T Parse<T>(string body, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw new JsonException("null");
        }
        catch (JsonException)
        {
            throw NotASentinel();
        }
    }

    private CommandFailure Refused(HttpResponseMessage response, string body)
    {
        if (response.Content.Headers.ContentType?.MediaType != "application/problem+json")
        {
            return NotASentinel();
        }

        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            return new(ExitStatus.Failed, _http.DefaultRequestHeaders.Authorization is null
                ? "the daemon wants its token; run this as the user who may read it (sudo), or name a copy with --token-file FILE"
                : "the daemon does not accept this token; --config must name the daemon's own file, or --token-file its token");
        }

        var problem = Parse(body, ProblemJson.Default.ProblemDocument);
        return new(ExitStatus.Failed, string.IsNullOrWhiteSpace(problem.Output) ? problem.Detail : $"{problem.Detail} It wrote: {problem.Output.Trim()}");
    }

    private CommandFailure NotASentinel() =>
        new(ExitStatus.NoDaemon, $"something answers at {_address}, but it is no sentinel; say where the daemon is with --admin URL");
}
