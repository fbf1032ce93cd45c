using System.Runtime.InteropServices;

namespace Sentinel.Service.Tests.Lifetimes;

/// <summary>clock_gettime(2).</summary>
internal static partial class NativeClock
{
    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    public static partial int Read(int clock, out Moment now);

    [StructLayout(LayoutKind.Sequential)]
    internal struct Moment
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
