using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Files;
using Sentinel.Backends.Progress;
using Sentinel.Certificates;
using Sentinel.Recovery;

namespace Sentinel.Service.Alerts;

/// <summary>Tells people who are elsewhere: every alert to every webhook that wants it. Thread-safe.</summary>
/// <param name="directory">Where alerts wait that were not delivered yet.</param>
internal sealed class AlertRoom(string directory, string sentinel, TimeProvider time, LoopRegistry loops, ILogger<AlertRoom> logger) : IAsyncDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    });

    // Whoever tells does not wait for a disk: alerts come from loops that bring VMs back.
    private readonly Channel<(AlertEvent What, AlertDocument Alert)> _news =
        Channel.CreateBounded<(AlertEvent, AlertDocument)>(new BoundedChannelOptions(4 * WebhookQueue.Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private readonly Lock _lock = new();
    private readonly Dictionary<Uri, (WebhookSettings Settings, WebhookPost Post)> _posts = [];
    private readonly List<Task> _ending = [];
    private Task? _passing;
    private bool _isDisposed;

    /// <summary>Puts webhooks in force: what waits for one that stays goes on waiting, what waits for one that is gone is forgotten.</summary>
    public void Commit(EquatableList<WebhookSettings> webhooks)
    {
        lock (_lock)
        {
            foreach (var (url, known) in _posts.Where(known => !webhooks.Any(webhook => webhook.Url == known.Key)).ToArray())
            {
                _posts.Remove(url);
                _ending.Add(EndAsync(known.Post, DirectoryOf(url)));
            }

            foreach (var webhook in _isDisposed ? [] : webhooks)
            {
                if (_posts.TryGetValue(webhook.Url, out var known))
                {
                    known.Post.Reconfigure(webhook);
                    _posts[webhook.Url] = (webhook, known.Post);
                }
                else
                {
                    _posts[webhook.Url] = (webhook, new WebhookPost(webhook, DirectoryOf(webhook.Url), _http, time, loops, logger));
                }
            }
        }
    }

    /// <summary>Tells of something that recovery saw.</summary>
    public void Tell(RecoveryAlert alert) => Tell(Enum.Parse<AlertEvent>(alert.Kind.ToString()), new AlertDocument
    {
        Id = Guid.CreateVersion7(alert.At).ToString(),
        Event = alert.Kind.ToString().ToLowerInvariant(),
        At = alert.At,
        Sentinel = sentinel,
        Backend = alert.Backend?.Name,
        Outage = alert.Outage,
        Reason = alert.Reason,
        Message = AlertWords.Of(alert),
        Seconds = alert.Seconds is { } seconds ? Math.Round(seconds, 3) : null,
    });

    /// <summary>Tells of something about a certificate.</summary>
    public void Tell(CertificateAlert alert) => Tell(AlertEvent.Certificate, new AlertDocument
    {
        Id = Guid.CreateVersion7(alert.At).ToString(),
        Event = "certificate",
        At = alert.At,
        Sentinel = sentinel,
        Reason = alert.Reason,
        Message = alert.Message,
    });

    /// <summary>Tells of anything. Returns at once.</summary>
    public void Tell(AlertEvent what, AlertDocument alert)
    {
        _news.Writer.TryWrite((what, alert));
        lock (_lock)
        {
            _passing ??= _isDisposed ? Task.CompletedTask : Task.Run(PassOnAsync);
        }
    }

    private async Task PassOnAsync()
    {
        await foreach (var (what, alert) in _news.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            WebhookPost[] posts;
            lock (_lock)
            {
                posts = [.. _posts.Values.Where(known => known.Settings.Events.Contains(what)).Select(known => known.Post)];
            }

            await DiskThread.RunAsync(() => Array.ForEach(posts, post => post.Add(alert))).ConfigureAwait(false);
        }
    }

    /// <summary>Ends; what was not delivered waits for the next daemon.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] ending;
        Task? passing;
        _news.Writer.TryComplete();
        lock (_lock)
        {
            (_isDisposed, passing) = (true, _passing);
        }

        await (passing ?? Task.CompletedTask).ConfigureAwait(false);
        lock (_lock)
        {
            ending = [.. _posts.Values.Select(known => known.Post.DisposeAsync().AsTask()), .. _ending];
            _posts.Clear();
            _ending.Clear();
        }

        await Task.WhenAll(ending).ConfigureAwait(false);
        _http.Dispose();
    }

    private static async Task EndAsync(WebhookPost post, string directory)
    {
        await post.DisposeAsync().ConfigureAwait(false);
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // nobody reads it any more
        }
    }

    /// <summary>Addresses hold secrets at times, so their files bear a hash.</summary>
    private string DirectoryOf(Uri url) => Path.Combine(directory, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(url.ToString())))[..16]);
}
