using Sentinel.Forwarding.Http.Loops;
using Sentinel.Testing;

namespace Sentinel.Forwarding.Tests.Http.Loops;

public sealed class EdgeTests
{
    [Fact]
    public async Task Who_waits_second_is_refused_and_the_first_goes_on()
    {
        var edge = new Edge();
        var first = edge.WaitAsync().AsTask();

        Assert.Throws<InvalidOperationException>(() => { _ = edge.WaitAsync().AsTask(); });

        edge.Set(inline: true);
        await first;
    }

    [Fact]
    public async Task What_is_cleared_is_waited_for_on()
    {
        var edge = new Edge();
        var waiting = edge.WaitAsync().AsTask();

        // as by a reader that writes, beside a writer that waits
        edge.Clear();
        edge.Set(inline: true);

        await waiting.WaitAsync(Eventually.Patience, TimeProvider.System);
        edge.Clear();
        Assert.False(edge.IsSet);
    }

    [Fact]
    public async Task However_quickly_the_next_wait_begins_each_is_ended_by_news_of_its_own()
    {
        const int Rounds = 3_000;
        var edge = new Edge();
        var (told, used) = (0, 0);
        new Thread(Tell) { IsBackground = true }.Start();

        await WaitAsync().WaitAsync(Eventually.Patience, TimeProvider.System);

        void Tell()
        {
            for (var i = 1; i <= Rounds; i++)
            {
                var spin = default(SpinWait);
                while (Volatile.Read(ref used) < i - 1)
                {
                    // a busy machine would make milliseconds of each sleep
                    spin.SpinOnce(sleep1Threshold: -1);
                }

                Volatile.Write(ref told, i);
                edge.Set(inline: i % 2 == 0);
            }
        }

        async Task WaitAsync()
        {
            for (var i = 1; i <= Rounds; i++)
            {
                while (Volatile.Read(ref told) < i)
                {
                    await edge.WaitAsync().ConfigureAwait(false);
                    edge.Clear();
                }

                Volatile.Write(ref used, i);
            }
        }
    }
}
