using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Sentinel.Testing.Acme;

/// <summary>Stands before a real authority and adds what that one has not: renewal information (RFC 9773) and profiles. Keeps what orders asked for.</summary>
public sealed class AcmeFront : IAsyncDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null },
    });

    private readonly WebApplication _app;
    private readonly Uri _behind;

    private AcmeFront(Uri behind, WebApplication app) => (_behind, _app) = (behind, app);

    public required string CaFile { get; init; }

    public Uri Directory { get; private set; } = null!;

    /// <summary>What is suggested for every certificate; null: nothing is known of any.</summary>
    public (DateTimeOffset Start, DateTimeOffset End)? Window { get; set; }

    /// <summary>By name.</summary>
    public Dictionary<string, string> Profiles { get; } = [];

    /// <summary>The certificates that were asked about, as RFC 9773 names them.</summary>
    public ConcurrentQueue<string> Asked { get; } = [];

    /// <summary>The payloads of orders.</summary>
    public ConcurrentQueue<JsonNode> Orders { get; } = [];

    /// <summary>Called with the path once the authority has done what was asked and before whoever asked is told.</summary>
    public Func<string, Task> Done { get; set; } = _ => Task.CompletedTask;

    /// <summary>Called with the path: for how long it wants to be left alone, and does nothing; null: it does what is asked.</summary>
    public Func<string, TimeSpan?> Limit { get; set; } = _ => null;

    public static async Task<AcmeFront> StartAsync(string folder, Uri behind)
    {
        System.IO.Directory.CreateDirectory(folder);
        TestAuthority.Write(folder, "front-ca.pem", "front.pem", "front.key", "127.0.0.1");
        var certificate = X509Certificate2.CreateFromPemFile(Path.Combine(folder, "front.pem"), Path.Combine(folder, "front.key"));
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        builder.Logging.SetMinimumLevel(LogLevel.None);
        var app = builder.Build();
        var front = new AcmeFront(behind, app) { CaFile = Path.Combine(folder, "front-ca.pem") };
        app.Run(front.HandleAsync);
        await app.StartAsync();
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        front.Directory = new($"https://127.0.0.1:{address.Port}/dir");
        return front;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _http.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        if (context.Request.Path.StartsWithSegments("/renewal-info", out var id))
        {
            Asked.Enqueue(id.Value!.TrimStart('/'));
            context.Response.StatusCode = Window is null ? 404 : 200;
            await context.Response.WriteAsync(Window is not var (start, end) ? "" : $$"""{"suggestedWindow":{"start":"{{start:O}}","end":"{{end:O}}"},"explanationURL":"https://example.test/why"}""");
            return;
        }

        if (Limit(context.Request.Path) is { } wait)
        {
            context.Response.StatusCode = StatusCodes.Status429TooManyRequests;
            context.Response.ContentType = "application/problem+json";
            context.Response.Headers.RetryAfter = wait.TotalSeconds.ToString("0");
            await context.Response.WriteAsync("""{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many","status":429}""");
            return;
        }

        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        using var request = new HttpRequestMessage(new(context.Request.Method), new Uri(_behind, context.Request.Path));
        request.Headers.Host = context.Request.Host.Value;
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(body.ToArray());
            request.Content.Headers.TryAddWithoutValidation("Content-Type", context.Request.ContentType);
        }

        using var answer = await _http.SendAsync(request);
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var header in answer.Headers.Concat(answer.Content.Headers).Where(header => header.Key is not ("Transfer-Encoding" or "Content-Length")))
        {
            context.Response.Headers[header.Key] = header.Value.ToArray();
        }

        var text = await answer.Content.ReadAsStringAsync();
        if (context.Request.Path == "/dir")
        {
            var directory = JsonNode.Parse(text)!;
            directory["renewalInfo"] = new Uri(Directory, "/renewal-info").AbsoluteUri;
            directory["meta"]!["profiles"] = new JsonObject(Profiles.Select(profile => KeyValuePair.Create(profile.Key, (JsonNode?)profile.Value)));
            text = directory.ToJsonString();
        }
        else if (context.Request.Path.Value!.Contains("order-plz", StringComparison.Ordinal) && answer.IsSuccessStatusCode)
        {
            Orders.Enqueue(JsonNode.Parse(Base64Url.DecodeFromChars((string)JsonNode.Parse(body.ToArray())!["payload"]!))!);
        }

        await Done(context.Request.Path);
        await context.Response.WriteAsync(text);
    }
}
