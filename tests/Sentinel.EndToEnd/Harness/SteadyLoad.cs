using Sentinel.Testing;

namespace Sentinel.EndToEnd.Harness;

/// <summary>Four clients that ask, and ask again as soon as they are answered.</summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    private readonly HttpClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _asking;
    private int _answered;
    private int _refused;

    /// <param name="client">Theirs from here on.</param>
    public SteadyLoad(HttpClient client)
    {
        _client = client;
        _asking = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(AskAsync)));
    }

    /// <summary>Waits until so many more were answered.</summary>
    public async Task AnsweredAsync(int more)
    {
        var before = Volatile.Read(ref _answered);
        await Eventually.TrueAsync(() => Volatile.Read(ref _answered) > before + more);
    }

    /// <summary>No more.</summary>
    /// <returns>How many were refused or cut off.</returns>
    public async Task<int> EndAsync()
    {
        await _stop.CancelAsync();
        await _asking;
        return _refused;
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _client.Dispose();
        _stop.Dispose();
    }

    private async Task AskAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var response = await _client.GetAsync(new Uri("/", UriKind.Relative));
                Interlocked.Increment(ref response.IsSuccessStatusCode ? ref _answered : ref _refused);
            }
            catch (HttpRequestException)
            {
                Interlocked.Increment(ref _refused);
            }
        }
    }
}
