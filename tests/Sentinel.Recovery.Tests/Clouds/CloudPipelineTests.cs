using Sentinel.Recovery.Clouds;
using Sentinel.Recovery.Outages;
using Sentinel.Testing;

namespace Sentinel.Recovery.Tests.Clouds;

public sealed class CloudPipelineTests : IAsyncLifetime
{
    private static readonly InstanceName Vm = new("fake", "zone", "vm");

    private readonly ManualTimeProvider _time = new();
    private readonly FakeCloud _fake = new();
    private readonly RecoveryMeter _meter = new();
    private readonly MeasuredCloud _cloud;

    public CloudPipelineTests() => _cloud = new(_fake, CloudPipeline.Build<CloudOutcome>(
        "fake", _time, new CloudPipelineOptions { Retries = 2 }, outcome => outcome.Result is CloudResult.Fault), _meter, _time);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _cloud.DisposeAsync();
        _meter.Dispose();
    }

    [Fact]
    public async Task A_refusal_is_passed_on_and_not_asked_again()
    {
        _fake.Answer = _ => Task.FromResult(new CloudOutcome(CloudResult.NoCapacity, "STOCKOUT"));

        Assert.Equal(CloudResult.NoCapacity, (await CallAsync()).Result);
        Assert.Equal(1, _fake.Calls);
    }

    [Fact]
    public async Task A_fault_is_tried_again_and_then_a_value()
    {
        _fake.Answer = _ => throw new HttpRequestException("no route");

        Assert.Equal(new CloudOutcome(CloudResult.Fault, "no route"), await CallAsync());
        Assert.Equal(3, _fake.Calls);
    }

    [Fact]
    public async Task What_works_at_the_second_try_worked()
    {
        _fake.Answer = _ => _fake.Calls == 1 ? throw new HttpRequestException("reset") : Task.FromResult(new CloudOutcome(CloudResult.Done, "done"));

        Assert.True((await CallAsync()).IsGood);
    }

    [Fact]
    public async Task A_call_that_hangs_ends_as_a_fault()
    {
        _fake.Answer = async token =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, token);
            return default;
        };

        Assert.Equal(CloudResult.Fault, (await CallAsync()).Result);
    }

    [Fact]
    public async Task A_provider_that_fails_again_and_again_is_given_a_rest()
    {
        _fake.Answer = _ => throw new HttpRequestException("down");
        for (var i = 0; i < 50; i++)
        {
            await CallAsync();
        }

        var before = _fake.Calls;
        var outcome = await CallAsync();

        Assert.Equal(CloudResult.Fault, outcome.Result);
        Assert.True(_fake.Calls < 150, $"{before} calls");
    }

    [Fact]
    public async Task Who_gave_up_is_told_by_cancellation()
    {
        _fake.Answer = async token =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, token);
            return default;
        };
        using var stopping = new CancellationTokenSource();
        var call = _cloud.StartAsync(Vm, Guid.Empty, stopping.Token);
        await stopping.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public void The_same_request_has_the_same_id_and_any_other_another()
    {
        var id = RequestId.For(Vm, "start", new Incarnation(5), 2);

        Assert.Equal(id, RequestId.For(Vm, "start", new Incarnation(5), 2));
        Assert.Equal(
            5,
            new HashSet<Guid>
            {
                id,
                RequestId.For(Vm with { Name = "other" }, "start", new Incarnation(5), 2),
                RequestId.For(Vm, "reset", new Incarnation(5), 2),
                RequestId.For(Vm, "start", new Incarnation(6), 2),
                RequestId.For(Vm, "start", new Incarnation(5), 3),
            }.Count);
        Assert.Equal(8, id.Version);
    }

    private async Task<CloudOutcome> CallAsync()
    {
        var call = _cloud.StartAsync(Vm, Guid.Empty, CancellationToken.None);
        await Eventually.TrueAsync(() =>
        {
            if (!call.IsCompleted)
            {
                _time.Advance(TimeSpan.FromMilliseconds(500));
            }

            return call.IsCompleted;
        });
        return await call;
    }

    private sealed class FakeCloud : ICloud
    {
        public int Calls { get; private set; }

        public Func<CancellationToken, Task<CloudOutcome>> Answer { get; set; } = _ => Task.FromResult(default(CloudOutcome));

        public string Provider => "fake";

        public IDisposable Watch(InstanceName vm, Action<InstanceReport> observer) => throw new NotSupportedException();

        public void Refresh(InstanceName vm, bool closely = false) => throw new NotSupportedException();

        public Task<CloudOutcome> StartAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken)
        {
            Calls++;
            return Answer(cancellationToken);
        }

        public Task<CloudOutcome> StopAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<CloudOutcome> ResetAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
