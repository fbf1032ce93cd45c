using Sentinel.Forwarding.Http.Loops;

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
}
