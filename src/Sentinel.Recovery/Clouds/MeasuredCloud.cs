using Polly;

namespace Sentinel.Recovery.Clouds;

/// <summary>A cloud whose requests go through a pipeline, are measured, and never throw but for cancellation.</summary>
internal sealed class MeasuredCloud(ICloud inner, ResiliencePipeline<CloudOutcome> pipeline, RecoveryMeter meter, TimeProvider time) : ICloud
{
    public string Provider => inner.Provider;

    public IDisposable Watch(InstanceName vm, Action<InstanceReport> observer) => inner.Watch(vm, observer);

    public void Refresh(InstanceName vm, bool closely) => inner.Refresh(vm, closely);

    public Task<CloudOutcome> StartAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) =>
        CallAsync("start", token => inner.StartAsync(vm, requestId, token), cancellationToken);

    public Task<CloudOutcome> StopAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) =>
        CallAsync("stop", token => inner.StopAsync(vm, requestId, token), cancellationToken);

    public Task<CloudOutcome> ResetAsync(InstanceName vm, Guid requestId, CancellationToken cancellationToken) =>
        CallAsync("reset", token => inner.ResetAsync(vm, requestId, token), cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private async Task<CloudOutcome> CallAsync(string method, Func<CancellationToken, Task<CloudOutcome>> call, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        CloudOutcome outcome;
        try
        {
            outcome = await pipeline.ExecuteAsync(async token => await call(token).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            outcome = new(CloudResult.Fault, e.Message);
        }

        var took = time.GetElapsedTime(begun);
        meter.CountCloudRequest(Provider, method, outcome.Result, took);
        CallTrace.Tell(method, outcome.Result, took);
        return outcome;
    }
}
