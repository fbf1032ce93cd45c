using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Sentinel.Service.Admin.Documents;

namespace Sentinel.Service.Admin.Page;

/// <summary>The status page for people, and the events that keep it and other watchers up to date.</summary>
internal sealed partial class AdminPage(StatusReader status, IRecoveryDesk recovery, TimeProvider time)
{
    /// <summary>Live views at once; each costs a connection and a look every <see cref="Interval"/>.</summary>
    private const int MaxWatchers = 32;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>Proxies give up on a silent connection after a minute or so.</summary>
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    private static readonly string Template = ReadTemplate();

    // The page's one style and one script, by their digests: nothing that anybody smuggles in is ever run.
    private static readonly string Policy =
        $"default-src 'none'; style-src '{DigestOf("style")}'; script-src '{DigestOf("script")}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private int _watchers;

    public void AddTo(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/", [HttpMethods.Get, HttpMethods.Head], ShowAsync);
        routes.MapGet("/events", WatchAsync);
    }

    private Task ShowAsync(HttpContext context)
    {
        var (document, now) = (status.Status(), time.GetUtcNow());
        context.Response.Headers.ContentSecurityPolicy = Policy;
        return Answers.TextAsync(context, "text/html; charset=utf-8", Place().Replace(Template, place => place.Groups[1].Value switch
        {
            "title" => HtmlEncoder.Default.Encode(PageContent.Title(document)),
            "name" => HtmlEncoder.Default.Encode(document.Name),
            "version" => HtmlEncoder.Default.Encode(document.Version),
            "at" => $"{now.UtcDateTime:HH:mm:ss} UTC",
            "main" => PageContent.Body(document, recovery.Outages(), now).Text,
            _ => throw new InvalidOperationException(place.Value),
        }));
    }

    private async Task WatchAsync(HttpContext context)
    {
        try
        {
            if (Interlocked.Increment(ref _watchers) > MaxWatchers)
            {
                await Answers.ProblemAsync(context, StatusCodes.Status503ServiceUnavailable, $"{MaxWatchers} live views are open already; close one, or ask for /status now and then.").ConfigureAwait(false);
                return;
            }

            context.Response.ContentType = "text/event-stream";
            var stopping = context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
            using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
            try
            {
                await SendAsync(context, asHtml: context.Request.Query["as"] == "html", end.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested)
            {
                // The watcher left, or the endpoint is stopping.
            }
        }
        finally
        {
            Interlocked.Decrement(ref _watchers);
        }
    }

    private async Task SendAsync(HttpContext context, bool asHtml, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var (last, lastSent) = ("", time.GetTimestamp());
        do
        {
            var (document, outages, now) = (status.Status(), recovery.Outages(), time.GetUtcNow());
            var json = JsonSerializer.Serialize(document, AdminJson.Default.StatusDocument);
            var seen = json + string.Concat(outages.Take(PageContent.OutagesShown).Select(outage => $"\n{outage.Id} {outage.EndedAt} {outage.Timeline.Count}"));
            var message = seen == last ? null : asHtml ? PageContent.Body(document, outages, now).Text : json;
            if (message is not null || time.GetElapsedTime(lastSent) >= Heartbeat)
            {
                await context.Response.WriteAsync(message is null ? ":\n\n" : Event(message), cancellationToken).ConfigureAwait(false);
                await context.Response.Body.FlushAsync(cancellationToken).ConfigureAwait(false);
                (last, lastSent) = (seen, time.GetTimestamp());
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false));
    }

    private static string Event(string message) => $"data: {message.ReplaceLineEndings("\ndata: ")}\n\n";

    private static string ReadTemplate()
    {
        using var stream = typeof(AdminPage).Assembly.GetManifestResourceStream("page.html")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <summary>Of the text between an element's tags (CSP Level 3, hash-source).</summary>
    private static string DigestOf(string element)
    {
        var start = Template.IndexOf($"<{element}>", StringComparison.Ordinal) + element.Length + 2;
        var end = Template.IndexOf($"</{element}>", start, StringComparison.Ordinal);
        return "sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Template[start..end])));
    }

    [GeneratedRegex(@"\{\{(\w+)\}\}")]
    private static partial Regex Place();
}
