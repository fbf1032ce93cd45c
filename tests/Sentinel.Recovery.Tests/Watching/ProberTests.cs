using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Sentinel.Backends;
using Sentinel.Backends.Progress;
using Sentinel.Recovery.Watching;
using Sentinel.Testing;

namespace Sentinel.Recovery.Tests.Watching;

public sealed class ProberTests : IAsyncLifetime
{
    private static readonly BackendId One = new("one");
    private readonly ManualTimeProvider _time = new();
    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<ProbeResult> _results = [];
    private readonly Prober _prober;
    private string? _address = "127.0.0.1";

    public ProberTests()
    {
        _server.Start();
        _ = AcceptAsync();
        _prober = new(_time, new LoopRegistry(_time), NullLogger.Instance);
    }

    public Task InitializeAsync()
    {
        _prober.Start();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _prober.DisposeAsync();
        _server.Dispose();
    }

    [Fact]
    public async Task The_first_check_comes_at_once_and_the_next_quickly_while_the_verdict_is_pending()
    {
        Add();
        await HasAsync(1);
        await AdvanceUntilAsync(2, TimeSpan.FromMilliseconds(250));

        Assert.All(_results, result => Assert.True(result.Passed));
    }

    [Fact]
    public async Task Once_the_verdict_is_there_checks_keep_to_the_interval()
    {
        Add();
        await HasAsync(1);
        _prober.Hurry(One, pending: false);
        var begun = _time.GetUtcNow();
        while (_time.GetUtcNow() - begun < TimeSpan.FromMinutes(5))
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await IdleAsync();
        }

        Assert.InRange(_results.Count, 28, 33);
    }

    [Fact]
    public async Task A_check_that_is_asked_for_comes_at_once_but_a_hundred_make_one()
    {
        Add();
        await HasAsync(1);
        _prober.Hurry(One, pending: false);
        _time.Advance(TimeSpan.FromMilliseconds(200));
        await IdleAsync();
        var before = _results.Count;

        for (var i = 0; i < 100; i++)
        {
            _prober.ProbeNow(One);
        }

        await HasAsync(before + 1);
        await IdleAsync();
        Assert.InRange(_results.Count, before + 1, before + 2);
    }

    [Fact]
    public async Task Without_an_address_nothing_is_checked_until_there_is_one()
    {
        _address = null;
        Add();
        _time.Advance(TimeSpan.FromSeconds(2));
        await IdleAsync();
        Assert.Empty(_results);

        _address = "127.0.0.1";
        await AdvanceUntilAsync(1, TimeSpan.FromMilliseconds(250));
    }

    [Fact]
    public async Task A_backend_that_was_removed_is_not_told_of_any_more()
    {
        Add();
        await HasAsync(1);
        _prober.Remove(One);
        await IdleAsync();
        var before = _results.Count;

        _time.Advance(TimeSpan.FromMinutes(1));
        await IdleAsync();

        Assert.Equal(before, _results.Count);
    }

    [Fact]
    public async Task A_sink_that_throws_does_not_end_the_checks()
    {
        var calls = 0;
        _prober.Add(One, Settings, () => _address, _ =>
        {
            Interlocked.Increment(ref calls);
            throw new InvalidOperationException("a fault elsewhere");
        });
        await Eventually.TrueAsync(() => Volatile.Read(ref calls) == 1);
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(250));
            return Volatile.Read(ref calls) >= 2;
        });
    }

    [Fact]
    public async Task Five_thousand_backends_are_all_checked()
    {
        var seen = new ConcurrentDictionary<string, byte>();
        for (var i = 0; i < 5000; i++)
        {
            var name = $"b{i}";
            _prober.Add(new(name), Settings, () => _address, _ => seen.TryAdd(name, 0));
        }

        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            return seen.Count == 5000;
        });
    }

    [Fact]
    public void Thousands_added_at_once_settle_all_over_the_interval()
    {
        var interval = TimeSpan.FromSeconds(5);
        var perSecond = Enumerable.Range(0, 5000)
            .Select(i => ProbePhase.Next(new($"spot-{i}"), _time.GetTimestamp(), interval, spread: true, _time) - _time.GetTimestamp())
            .CountBy(due => (int)TimeSpan.FromTicks(due - (interval.Ticks / 2)).TotalSeconds)
            .ToDictionary();

        Assert.Equal(5, perSecond.Count);
        Assert.All(perSecond.Values, count => Assert.InRange(count, 900, 1100));
    }

    [Fact]
    public void A_settled_backend_keeps_its_place()
    {
        var interval = TimeSpan.FromSeconds(5);
        var begun = _time.GetTimestamp();
        for (var round = 0; round < 100; round++)
        {
            var next = ProbePhase.Next(One, begun, interval, spread: true, _time);
            Assert.InRange(next - begun, interval.Ticks / 2, interval.Ticks * 3 / 2);
            if (round > 0)
            {
                Assert.Equal(interval.Ticks, next - begun);
            }

            _time.Advance(TimeSpan.FromTicks(next - begun));
            begun = next;
        }
    }

    /// <summary>Keeps room in the queue of those who wait to be accepted: 4,096 fit.</summary>
    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                (await _server.AcceptSocketAsync()).Dispose();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // disposed
        }
    }

    private HealthSettings Settings => new()
    {
        Port = ((IPEndPoint)_server.LocalEndpoint).Port,
        Interval = TimeSpan.FromSeconds(10),
        Timeout = TimeSpan.FromMinutes(1),
    };

    private void Add() => _prober.Add(One, Settings, () => _address, _results.Enqueue);

    private Task HasAsync(int count) => Eventually.TrueAsync(() => _results.Count >= count);

    private Task AdvanceUntilAsync(int count, TimeSpan step) => Eventually.TrueAsync(() =>
    {
        _time.Advance(step);
        return _results.Count >= count;
    });

    /// <summary>
    /// Waits until no check runs and none is due. The loop may have read the clock just before a test moved it, and then
    /// sleeps from the new time on: a little more time wakes it.
    /// </summary>
    private async Task IdleAsync() => await Eventually.TrueAsync(() =>
    {
        if (_prober.IsIdle)
        {
            return true;
        }

        _time.Advance(TimeSpan.FromMilliseconds(10));
        return false;
    });
}
