using Sentinel.Recovery.Clouds.Gce.Wire;

namespace Sentinel.Recovery.Clouds.Gce;

/// <summary>Operations to their end.</summary>
internal sealed partial class GceClient
{
    /// <summary>An operation that is not over by then is given up on; the next attempt finds out what came of it.</summary>
    private static readonly TimeSpan OperationPatience = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(2);

    /// <summary>Accepted is not done, and done may still have failed.</summary>
    public async Task<CloudOutcome> FollowAsync(string zone, GceOperation operation, CancellationToken cancellationToken)
    {
        var begun = _time.GetTimestamp();
        while (!operation.IsDone)
        {
            if (_time.GetElapsedTime(begun) > OperationPatience)
            {
                return new(CloudResult.Fault, $"{operation.Name} is not over after {OperationPatience.TotalMinutes:0} minutes");
            }

            var waited = await WaitAsync(zone, operation.Name, cancellationToken).ConfigureAwait(false);
            if (waited.Refusal is { Result: CloudResult.NotFound or CloudResult.Forbidden } refusal)
            {
                return new(CloudResult.Fault, $"what became of {operation.Name} is not known: {refusal.Detail}");
            }

            if (waited.Value is { } now)
            {
                operation = now;
            }
            else
            {
                await Task.Delay(AskAgain, _time, cancellationToken).ConfigureAwait(false);
            }
        }

        return GceRefusal.Of(operation) is { } failed ? new(failed.Result, failed.Detail) : new(CloudResult.Done, operation.Name);
    }
}
