using System.Runtime.CompilerServices;
using Sentinel.Forwarding.Http.Awaiting;

namespace Sentinel.Forwarding.Tests.Http.Awaiting;

/// <summary>Methods whose state is used again mean what they mean without.</summary>
public sealed class KeepingMethodBuilderTests
{
    [Fact]
    public async Task Each_gets_its_own_result_in_whatever_order_they_end()
    {
        var random = new Random(7);
        for (var round = 0; round < 50; round++)
        {
            var waits = Enumerable.Range(0, 300).Select(_ => new TaskCompletionSource<int>()).ToArray();
            var results = waits.Select((wait, i) => OuterAsync(wait.Task, i).AsTask()).ToArray();
            foreach (var i in Enumerable.Range(0, waits.Length).OrderBy(_ => random.Next()))
            {
                waits[i].SetResult(round);
            }

            Assert.Equal(Enumerable.Range(0, waits.Length).Select(i => (2 * i) + round), await Task.WhenAll(results));
        }
    }

    [Fact]
    public async Task What_is_thrown_reaches_who_awaits_at_once_or_later()
    {
        await Assert.ThrowsAsync<InvalidDataException>(async () => await FailAsync(Task.CompletedTask));
        await Assert.ThrowsAsync<InvalidDataException>(async () => await FailAsync(Task.Run(() => { })));
        await Assert.ThrowsAsync<InvalidDataException>(async () => await OuterAsync(Task.FromException<int>(new InvalidDataException()), 1));

        // what failed is used again, too
        Assert.Equal(7, await OuterAsync(Task.Run(() => 3), 2));
    }

    [Fact]
    public async Task Many_threads_mix_nothing_up()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 5000; i++)
            {
                Assert.Equal((2 * i) + worker, await OuterAsync(Task.Run(() => worker), i));
            }
        })));
    }

    [Fact]
    public async Task Whoever_awaits_twice_is_told()
    {
        var wait = new TaskCompletionSource<int>();
        var once = OuterAsync(wait.Task, 1);
        wait.SetResult(1);
        await once;

#pragma warning disable CA2012 // just that is tried
        Assert.Throws<InvalidOperationException>(() => once.GetAwaiter().GetResult());
#pragma warning restore CA2012
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private static async ValueTask<int> OuterAsync(Task<int> wait, int number)
    {
        var sum = number;
        sum += await InnerAsync(wait);
        await NothingAsync(wait);
        return sum + number;
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder<>))]
    private static async ValueTask<int> InnerAsync(Task<int> wait) => await wait;

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder))]
    private static async ValueTask NothingAsync(Task wait)
    {
        await wait;
        await Task.CompletedTask;
    }

    [AsyncMethodBuilder(typeof(KeepingMethodBuilder))]
    private static async ValueTask FailAsync(Task wait)
    {
        await wait;
        throw new InvalidDataException();
    }
}
