using System.Diagnostics.CodeAnalysis;
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

    /// <summary>What requests a minute are counted against; null: nothing.</summary>
    public RequestBudget? Budget { get; init; }
}

/// <summary>Builds the one pipeline that all calls to a provider go through.</summary>
internal static class CloudPipeline
{
    /// <param name="provider">Names it.</param>
    /// <param name="isTransient">Which results are worth another try, beside every exception but a cancellation.</param>
    /// <param name="askedToWait">How long the provider wants to be left alone after a result; null where it does not say.</param>
    /// <returns>
    /// Throws <see cref="TimeoutRejectedException"/> when time is up and <see cref="BrokenCircuitException"/> while the
    /// provider is given a rest.
    /// </returns>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Polly checks a strategy's options by reflection; those of the budget have nothing to check.")]
    public static ResiliencePipeline<T> Build<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.All)] T>(
        string provider, TimeProvider time, CloudPipelineOptions options, Func<T, bool> isTransient, Func<T, TimeSpan?>? askedToWait = null)
    {
        var transient = new PredicateBuilder<T>().Handle<Exception>(e => e is not OperationCanceledException).HandleResult(result => isTransient(result));
        var builder = new ResiliencePipelineBuilder<T> { Name = provider, TimeProvider = time }
            .AddTimeout(options.Total)
            .AddRetry(new RetryStrategyOptions<T>
            {
                ShouldHandle = transient,
                MaxRetryAttempts = options.Retries,
                Delay = options.RetryDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                DelayGenerator = args => ValueTask.FromResult(args.Outcome.Result is { } result ? askedToWait?.Invoke(result) : null),
            })
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions<T>
            {
                ShouldHandle = transient,
                FailureRatio = 0.5,
                MinimumThroughput = options.BreakAfter,
                BreakDuration = options.Break,
            });
        if (options.Budget is { } budget)
        {
            builder.AddStrategy(_ => new BudgetStrategy<T>(budget), new Budgeting.Options());
        }

        return builder.AddTimeout(options.Attempt).Build();
    }
}
