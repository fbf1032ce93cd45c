using Sentinel.Recovery.Watching.Probes;

namespace Sentinel.Recovery.Watching;

/// <summary>One check that ends at its timeout, whatever it hangs in.</summary>
internal static class TimedCheck
{
    /// <returns>Null: it passed. Else what was wrong, for people.</returns>
    /// <exception cref="ProbeStarvedException">It could not be made for want of descriptors of our own: that says nothing about the backend.</exception>
    /// <exception cref="OperationCanceledException">The prober stops.</exception>
    public static async Task<string?> RunAsync(IProbe probe, string host, TimeSpan timeout, TimeProvider time, CancellationToken stopping)
    {
        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, stopping);
        try
        {
            // Resolving a name cannot be cancelled on every system: the wait ends all the same, and a fault of what is left behind is seen by nobody.
            var check = probe.CheckAsync(host, either.Token);
            _ = check.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            return await check.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (Exception) when (deadline.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            return $"no answer within {timeout.TotalSeconds:0.###} s";
        }
        catch (Exception e) when (ProbeStarvedException.Is(e))
        {
            throw new ProbeStarvedException(ProbeKinds.Describe(e), e);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            return ProbeKinds.Describe(e);
        }
    }
}
