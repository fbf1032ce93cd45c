using System.Globalization;
using System.Runtime.InteropServices;
using Sentinel.Forwarding.Relay.Splice;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Splice;

public sealed partial class CourtesyTests
{
    private const int Ordinary = 0;
    private const int Batch = 3;

    [NeedsFact("linux")]
    public void A_loop_gives_way_while_it_has_much_to_do()
    {
        var policies = new List<int>();
        var thread = new Thread(() =>
        {
            var time = new ManualTimeProvider();
            var courtesy = new Courtesy(time);
            var total = 0L;
            void After(double worked, double passed, int moved = 0)
            {
                Work(worked);
                time.Advance(TimeSpan.FromMilliseconds(passed));
                courtesy.Review(total += moved);
                policies.Add(Policy());
            }

            After(worked: 0, passed: 1000);
            After(worked: 30, passed: 100);
            After(worked: 60, passed: 99);
            After(worked: 0, passed: 1);
            After(worked: 25, passed: 100);
            After(worked: 0, passed: 99);
            After(worked: 0, passed: 1);
            After(worked: 20, passed: 100, moved: 1_000_000);
            After(worked: 20, passed: 100, moved: 5_000_000);
            After(worked: 8, passed: 100, moved: 5_000_000);
            After(worked: 8, passed: 100);
        });
        thread.Start();
        thread.Join();

        Assert.Equal([Ordinary, Ordinary, Ordinary, Batch, Batch, Batch, Ordinary, Ordinary, Batch, Batch, Ordinary], policies);
    }

    private static void Work(double milliseconds)
    {
        var end = Used() + milliseconds;
        while (Used() < end)
        {
        }
    }

    /// <summary>Processor time of this thread, in milliseconds.</summary>
    private static double Used()
    {
        Span<long> time = stackalloc long[2];
        Assert.Equal(0, GetTime(3, ref time[0]));
        return (time[0] * 1e3) + (time[1] / 1e6);
    }

    /// <summary>The scheduling policy of this thread (proc_pid_stat(5), field 41).</summary>
    private static int Policy() => int.Parse(File.ReadAllText("/proc/thread-self/stat").Split(") ")[1].Split(' ')[38], CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, ref long time);
}
