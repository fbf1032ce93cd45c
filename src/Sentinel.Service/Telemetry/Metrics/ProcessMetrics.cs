using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace Sentinel.Service.Telemetry.Metrics;

/// <summary>The figures that every Prometheus client gives of its own process, under their usual names.</summary>
internal sealed class ProcessMetrics : IDisposable
{
    private readonly Meter _meter = new("Sentinel.Process");
    private readonly Process _process = Process.GetCurrentProcess();

    public ProcessMetrics()
    {
        var started = new DateTimeOffset(_process.StartTime).ToUnixTimeMilliseconds() / 1000.0;
        _meter.CreateObservableCounter("process.cpu", () => Environment.CpuUsage.TotalTime.TotalSeconds, "s", "Total user and system CPU time spent in seconds.");
        _meter.CreateObservableGauge("process.resident_memory", () => Environment.WorkingSet, "By", "Resident memory size in bytes.");
        _meter.CreateObservableGauge("process.start_time", () => started, "s", "Start time of the process since unix epoch in seconds.");
        if (OperatingSystem.IsLinux())
        {
            _meter.CreateObservableGauge("process.open_fds", OpenDescriptors, description: "Number of open file descriptors.");
            _meter.CreateObservableGauge("process.max_fds", MaxDescriptors, description: "Maximum number of open file descriptors.");
        }
    }

    public void Dispose()
    {
        _meter.Dispose();
        _process.Dispose();
    }

    // One of them is the folder being read.
    private static long OpenDescriptors() => Directory.EnumerateFileSystemEntries("/proc/self/fd").LongCount() - 1;

    /// <summary>The soft limit; proc_pid_limits(5).</summary>
    private static double MaxDescriptors()
    {
        const string Name = "Max open files";
        var limit = File.ReadLines("/proc/self/limits").First(line => line.StartsWith(Name, StringComparison.Ordinal));
        var soft = limit[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return soft == "unlimited" ? double.PositiveInfinity : double.Parse(soft, CultureInfo.InvariantCulture);
    }
}
