using System.Net.Http.Headers;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Files;
using Sentinel.Backends.Progress;

namespace Sentinel.Service.Alerts;

/// <summary>
/// Brings one receiver its alerts, in order, each until it is taken: with growing waits for a day, unless the receiver says
/// that it will never take it. Receivers that are down do not hold up others.
/// </summary>
internal sealed class WebhookPost : IAsyncDisposable
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan TooOld = TimeSpan.FromDays(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(5);

    private readonly HttpClient _http;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WebhookQueue _queue;
    private readonly LoopProgress _progress;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _loop;
    private WebhookSettings _settings;
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public WebhookPost(WebhookSettings settings, string directory, HttpClient http, TimeProvider time, LoopRegistry loops, ILogger logger)
    {
        (_settings, _http, _time, _logger) = (settings, http, time, logger);
        _queue = new(directory, settings.Url.Host, logger);
        _queue.Load();
        _progress = loops.Add($"alerts.{settings.Url.Host}");
        _loop = RunAsync();
    }

    /// <summary>How alerts are sent from here on; the address is the same.</summary>
    public void Reconfigure(WebhookSettings settings) => Volatile.Write(ref _settings, settings);

    public void Add(AlertDocument alert)
    {
        _queue.Add(alert);
        Volatile.Read(ref _news).TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _progress.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        await Task.Yield();
        var failures = 0;
        var isQuiet = true;
        while (!_stopping.IsCancellationRequested)
        {
            _progress.Beat();
            try
            {
                var news = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                Volatile.Write(ref _news, news);
                if (_queue.First() is not { } first)
                {
                    failures = 0;
                    await Task.WhenAny(news.Task, Task.Delay(Beat, _time, _stopping.Token)).ConfigureAwait(false);
                    continue;
                }

                var (isOver, why) = await SendAsync(first.Alert).ConfigureAwait(false);
                if (why is not null && isQuiet)
                {
                    Log.NotDelivered(_logger, first.Alert.Event, Volatile.Read(ref _settings).Url.Host, why);
                }

                isQuiet = why is null;
                if (isOver || _time.GetUtcNow() - first.Alert.At > TooOld)
                {
                    if (why is not null)
                    {
                        Log.Dropped(_logger, first.Alert.Event, Volatile.Read(ref _settings).Url.Host, why);
                    }

                    await DiskThread.RunAsync(() => _queue.Remove(first.Number)).ConfigureAwait(false);
                    failures = 0;
                    continue;
                }

                await PauseAsync(failures++).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Log.RoundFailed(_logger, e);
                await Task.Delay(Beat, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task PauseAsync(int failures)
    {
        var wait = FirstWait * Math.Pow(2, Math.Min(failures, 20));
        wait = (wait < LongestWait ? wait : LongestWait) * (0.8 + (0.2 * Random.Shared.NextDouble()));
        var begun = _time.GetTimestamp();
        while (wait - _time.GetElapsedTime(begun) is var rest && rest > TimeSpan.Zero)
        {
            _progress.Beat();
            await Task.Delay(rest < Beat ? rest + TimeSpan.FromMilliseconds(1) : Beat, _time, _stopping.Token).ConfigureAwait(false);
        }
    }

    /// <returns>Whether nothing more is to be done about it, and why it was not taken.</returns>
    private async Task<(bool IsOver, string? Why)> SendAsync(AlertDocument alert)
    {
        var settings = Volatile.Read(ref _settings);
        var body = alert.Render(settings.Format);
        using var request = new HttpRequestMessage(HttpMethod.Post, settings.Url);
        request.Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        request.Headers.Add("Sentinel-Alert", alert.Id);
        if (settings.Secret is { } secret)
        {
            request.Headers.Add(WebhookSignature.Header, WebhookSignature.Of(secret, _time.GetUtcNow(), body));
        }

        using var patience = new CancellationTokenSource(Patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, _stopping.Token);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            return (int)response.StatusCode switch
            {
                >= 200 and < 300 => (true, null),
                400 or 405 or 410 or 413 or 415 or 422 => (true, $"it answered {(int)response.StatusCode}, which is final"),
                var status => (false, $"it answered {status}"),
            };
        }
        catch (OperationCanceledException) when (!_stopping.IsCancellationRequested)
        {
            return (false, $"no answer within {Patience.TotalSeconds:0} s");
        }
        catch (HttpRequestException e)
        {
            return (false, e.Message);
        }
    }
}
