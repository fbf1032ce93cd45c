namespace Sentinel.Recovery.Clouds.Process;

/// <summary>Ends processes until none is left, looking again after each round, because what is being ended may start more.</summary>
internal static class ProcessSweep
{
    /// <summary>How long a killed process may take to be gone: one that is stuck in the kernel may never be.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    /// <param name="find">Who is to end.</param>
    /// <param name="isAwaited">Whether the news that one has ended is still on its way to who must know.</param>
    /// <param name="grace">Between asking and killing.</param>
    /// <param name="hurry">Ends the grace early.</param>
    /// <returns>What could not be ended.</returns>
    public static async Task<IReadOnlyList<MarkedProcess>> EndAsync(
        ProcessCloudParts parts, Func<Task<IReadOnlyList<MarkedProcess>>> find, Func<bool> isAwaited, TimeSpan grace, CancellationToken hurry)
    {
        var begun = parts.Time.GetTimestamp();
        var asked = new HashSet<ProcessIdentity>();
        while (true)
        {
            var left = await find().ConfigureAwait(false);
            var elapsed = parts.Time.GetElapsedTime(begun);
            if ((left.Count == 0 && !isAwaited()) || elapsed > grace + Patience)
            {
                return left;
            }

            var force = elapsed >= grace || hurry.IsCancellationRequested;
            foreach (var process in left)
            {
                if (force || asked.Add(process.Process))
                {
                    parts.Host.End(process.Process, force);
                }
            }

            await Task.Delay(LookAgain, parts.Time, CancellationToken.None).ConfigureAwait(false);
        }
    }
}
