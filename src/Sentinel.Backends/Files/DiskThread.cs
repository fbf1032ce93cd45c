namespace Sentinel.Backends.Files;

/// <summary>
/// Where a disk is waited for: on a thread of its own each time. A disk may hang for minutes, and both the thread that learned of a
/// socket, on which code goes on after an answer, and the few threads of the pool are ones that everybody else needs meanwhile.
/// </summary>
public static class DiskThread
{
    /// <summary>Does what may wait for a disk. What it throws is thrown to whoever waits for the task.</summary>
    public static Task RunAsync(Action work)
    {
        try
        {
            return Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        catch (TaskSchedulerException)
        {
            // Out of descriptors no thread can be started either. The pool has some.
            return Task.Run(work);
        }
    }
}
