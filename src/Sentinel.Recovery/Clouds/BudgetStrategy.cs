using Polly;

namespace Sentinel.Recovery.Clouds;

/// <summary>Has every try wait for its place in the budget.</summary>
internal sealed class BudgetStrategy<T>(RequestBudget budget) : ResilienceStrategy<T>
{
    protected override async ValueTask<Outcome<T>> ExecuteCore<TState>(
        Func<ResilienceContext, TState, ValueTask<Outcome<T>>> callback, ResilienceContext context, TState state)
    {
        try
        {
            await budget.TakeAsync(context.Properties.GetValue(Budgeting.IsUrgent, true), context.CancellationToken).ConfigureAwait(context.ContinueOnCapturedContext);
        }
        catch (OperationCanceledException e)
        {
            return Outcome.FromException<T>(e);
        }

        return await callback(context, state).ConfigureAwait(context.ContinueOnCapturedContext);
    }
}

/// <summary>What a call tells its pipeline.</summary>
internal static class Budgeting
{
    /// <summary>Whether somebody waits for it; watching can wait.</summary>
    public static readonly ResiliencePropertyKey<bool> IsUrgent = new("sentinel-urgent");

    /// <summary>The strategy has nothing to set.</summary>
    internal sealed class Options : ResilienceStrategyOptions
    {
        public Options() => Name = "budget";
    }
}
