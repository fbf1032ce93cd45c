using System.Runtime.CompilerServices;

namespace Sentinel.Testing;

/// <summary>Waits for a condition under a deadline, instead of sleeping.</summary>
public static class Eventually
{
    /// <summary>Long enough for a busy machine with two cores; a passing test never waits it out.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Returns once <paramref name="condition"/> holds.</summary>
    /// <exception cref="TimeoutException">It did not hold in time; the message quotes the condition.</exception>
    public static async Task TrueAsync(
        Func<bool> condition, TimeSpan? patience = null, [CallerArgumentExpression(nameof(condition))] string? what = null) =>
        await TrueAsync(() => Task.FromResult(condition()), patience, what).ConfigureAwait(false);

    /// <summary>Returns once <paramref name="condition"/> holds.</summary>
    /// <exception cref="TimeoutException">It did not hold in time; the message quotes the condition.</exception>
    public static async Task TrueAsync(
        Func<Task<bool>> condition, TimeSpan? patience = null, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        while (!await condition().ConfigureAwait(false))
        {
            if (time.GetElapsedTime(start) > (patience ?? Patience))
            {
                throw new TimeoutException($"Did not become true within {patience ?? Patience}: {what}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), time).ConfigureAwait(false);
        }
    }
}
