using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace Sentinel.Recovery.Clouds;

/// <summary>What a cloud's calls are wrapped in. The defaults suit a remote API.</summary>
internal sealed record CloudPipelineOptions
{
    /// <summary>For one call with all its retries.</summary>
    public TimeSpan Total { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For one try.</summary>
    public TimeSpan Attempt { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Tries after the first.</summary>
    public int Retries { get; init; } = 4;

    /// <summary>Before the first retry; doubles from there, with jitter.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Tries within half a minute, half of which must have failed before the provider is given a rest.</summary>
    public int BreakAfter { get; init; } = 10;

    /// <summary>How long nobody is asked then.</summary>
    public TimeSpan Break { get; init; } = TimeSpan.FromSeconds(15);
}

/// <summary>Builds the one pipeline that all calls to a provider go through.</summary>
internal static class CloudPipeline
{
    /// <param name="provider">Names it.</param>
    /// <param name="isTransient">Which results are worth another try, beside every exception but a cancellation.</param>
    /// <returns>
    /// Throws <see cref="TimeoutRejectedException"/> when time is up and <see cref="BrokenCircuitException"/> while the
    /// provider is given a rest.
    /// </returns>
    public static ResiliencePipeline<T> Build<T>(string provider, TimeProvider time, CloudPipelineOptions options, Func<T, bool> isTransient)
    {
        var transient = new PredicateBuilder<T>().Handle<Exception>(e => e is not OperationCanceledException).HandleResult(result => isTransient(result));
        return new ResiliencePipelineBuilder<T> { Name = provider, TimeProvider = time }
            .AddTimeout(options.Total)
            .AddRetry(new RetryStrategyOptions<T>
            {
                ShouldHandle = transient,
                MaxRetryAttempts = options.Retries,
                Delay = options.RetryDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
            })
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions<T>
            {
                ShouldHandle = transient,
                FailureRatio = 0.5,
                MinimumThroughput = options.BreakAfter,
                BreakDuration = options.Break,
            })
            .AddTimeout(options.Attempt)
            .Build();
    }
}
