using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace Sentinel.Service.Lifetimes;

/// <summary>
/// Gives memory back to the system once a minute that the just-in-time compiler and OpenSSL have freed: the C library keeps it, and of each of its arenas
/// gives back by itself no more than the end (malloc_trim(3)). Only glibc is asked; elsewhere nothing is done.
/// </summary>
internal sealed partial class SpareMemory(TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                // A few milliseconds, on a thread for which nobody waits.
                _ = Trim(0);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or EntryPointNotFoundException)
        {
            // The daemon has stopped; or it is another C library.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keptAtTheEnd);
}
