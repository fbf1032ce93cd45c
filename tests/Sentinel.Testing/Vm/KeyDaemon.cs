using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Sentinel.Testing.Vm;

/// <summary>
/// The daemon of a VM as the sentinel sees it: gives its users' keys to requests that are signed with the secret that both know, and
/// takes the sentinel's own key. Anything else is answered 401.
/// </summary>
public sealed class KeyDaemon : IDisposable
{
    /// <summary>What both sides know.</summary>
    public const string Secret = "0123456789abcdef0123456789abcdef";

    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    private readonly HttpListener _listener = new();
    private readonly TimeProvider _time;
    private int _asked;

    /// <param name="address">Of loopback.</param>
    /// <param name="port">Its.</param>
    /// <param name="time">Its clock.</param>
    public KeyDaemon(string address, int port, TimeProvider time)
    {
        _time = time;
        _listener.Prefixes.Add($"http://{address}:{port}/");
        _listener.Start();
        _ = ServeAsync();
    }

    /// <summary>What it answers to a signed request for its users: a status and a body.</summary>
    public Func<(int Status, string Body)> Answer { get; set; } = () => (200, Users());

    /// <summary>Waited for before each answer.</summary>
    public Task Hold { get; set; } = Task.CompletedTask;

    /// <summary>How many signed requests for its users came.</summary>
    public int Asked => Volatile.Read(ref _asked);

    /// <summary>What it was given as the sentinel's own keys, in order.</summary>
    public ConcurrentQueue<string> Given { get; } = [];

    /// <summary>An answer that names users.</summary>
    public static string Users(params (string Name, string Keys)[] users) => JsonSerializer.Serialize(
        new { keys = users.Select(user => new { username = user.Name, authorized_keys = user.Keys }), ssh_port = 22 });

    /// <inheritdoc/>
    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }

            _ = ReplyAsync(context);
        }
    }

    private async Task ReplyAsync(HttpListenerContext context)
    {
        var (status, body) = await DecideAsync(context.Request).ConfigureAwait(false);
        try
        {
            context.Response.StatusCode = status;
            await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(body)).ConfigureAwait(false);
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
        {
            // Who asked is gone.
        }
    }

    private async Task<(int Status, string Body)> DecideAsync(HttpListenerRequest request)
    {
        if (!IsSigned(request))
        {
            return (401, "");
        }

        switch (request.HttpMethod, request.Url!.AbsolutePath)
        {
            case ("GET", "/authorized-keys"):
                Interlocked.Increment(ref _asked);
                var answer = Answer();
                await Hold.ConfigureAwait(false);
                return answer;
            case ("POST", "/authorized-keys/sentinel"):
                using (var document = await JsonDocument.ParseAsync(request.InputStream).ConfigureAwait(false))
                {
                    Given.Enqueue(document.RootElement.GetProperty("public_key").GetString()!);
                }

                return (200, "{}");
            default:
                return (404, "");
        }
    }

    private bool IsSigned(HttpListenerRequest request)
    {
        var at = request.Headers["X-Containarium-Sentinel-Ts"] ?? "";
        var text = Encoding.UTF8.GetBytes($"{request.HttpMethod}\n{request.Url!.AbsolutePath}\n{at}");
        return long.TryParse(at, CultureInfo.InvariantCulture, out var seconds)
            && (_time.GetUtcNow() - DateTimeOffset.FromUnixTimeSeconds(seconds)).Duration() <= Skew
            && request.Headers["X-Containarium-Sentinel-Sig"] == Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.ASCII.GetBytes(Secret), text));
    }
}
