namespace Sentinel.Backends.Files;

/// <summary>Writes of one place, one after the other in the order in which they were asked for, each on a <see cref="DiskThread"/>. Thread-safe.</summary>
public sealed class DiskQueue
{
    private readonly Lock _lock = new();
    private Task _last = Task.CompletedTask;

    /// <summary>Does it once everything before is done or has failed. What it throws is thrown to whoever waits for the task.</summary>
    public Task RunAsync(Action work)
    {
        lock (_lock)
        {
            var next = RunAsync(_last, work);
            _last = next;
            return next;
        }
    }

    private static async Task RunAsync(Task before, Action work)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await DiskThread.RunAsync(work).ConfigureAwait(false);
    }
}
