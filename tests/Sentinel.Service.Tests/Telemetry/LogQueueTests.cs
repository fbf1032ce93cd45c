using System.Buffers;
using System.Text;
using Sentinel.Service.Telemetry.Logging;
using Sentinel.Testing;

namespace Sentinel.Service.Tests.Telemetry;

public sealed class LogQueueTests
{
    [Fact]
    public async Task A_reader_that_stalls_costs_lines_and_is_told_how_many()
    {
        using var output = new StallingStream();
        using var queue = new LogQueue(output, Confess, capacity: 100);
        queue.Add("first\n"u8);
        await Eventually.TrueAsync(() => output.IsStalled);

        for (var i = 0; i < 30; i++)
        {
            queue.Add("0123456789"u8);
        }

        Assert.Equal(20, queue.Dropped);
        output.Release();
        Assert.True(queue.Flush());
        Assert.Equal("first\n" + string.Concat(Enumerable.Repeat("0123456789", 10)) + "dropped 20\n", output.Text);
        queue.Add("last\n"u8);
        Assert.True(queue.Flush());
        Assert.EndsWith("dropped 20\nlast\n", output.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_waits_for_a_reader_that_stalls_is_no_large_object()
    {
        const int LargeObject = 85_000;
        using var output = new StallingStream();
        using var queue = new LogQueue(output, Confess);
        queue.Add("first\n"u8);
        await Eventually.TrueAsync(() => output.IsStalled);

        var line = new byte[1000];
        for (var i = 0; i < LogQueue.Capacity / line.Length; i++)
        {
            queue.Add(line);
        }

        output.Release();
        Assert.True(queue.Flush());
        Assert.Equal(6 + (LogQueue.Capacity / line.Length * line.Length), output.Length);
        Assert.InRange(output.LargestWrite, line.Length, LargeObject - 1); // each is of one array
    }

    [Fact]
    public void A_reader_that_is_gone_disturbs_nobody()
    {
        using var queue = new LogQueue(new BrokenStream(), Confess);

        queue.Add("lost\n"u8);
        Assert.True(queue.Flush());
        queue.Add("lost too\n"u8);
        Assert.True(queue.Flush());
    }

    private static void Confess(long count, IBufferWriter<byte> output) => output.Write(Encoding.UTF8.GetBytes($"dropped {count}\n"));

    private sealed class StallingStream : MemoryStream
    {
        private readonly ManualResetEventSlim _gate = new();

        public bool IsStalled { get; private set; }

        public int LargestWrite { get; private set; }

        public string Text => Encoding.UTF8.GetString(ToArray());

        public void Release() => _gate.Set();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            IsStalled = true;
            _gate.Wait();
            LargestWrite = Math.Max(LargestWrite, buffer.Length);
            base.Write(buffer);
        }
    }

    private sealed class BrokenStream : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("Broken pipe");
    }
}
