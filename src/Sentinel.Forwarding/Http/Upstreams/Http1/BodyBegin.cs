namespace Sentinel.Forwarding.Http.Upstreams.Http1;

/// <summary>
/// Whether the body of a request is sent at all, decided once. It is, unless its client waits for 100 Continue and the
/// backend answers first. Thread-safe.
/// </summary>
internal sealed class BodyBegin(TimeProvider time)
{
    // How long a backend may think over Expect: 100-continue before the body is sent anyway (RFC 9110 §10.1.1).
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource<bool> _allowed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The backend wants it, or nobody asked.</summary>
    public void Allow() => _allowed.TrySetResult(true);

    /// <summary>The client's body is being read now, or never will be.</summary>
    public void Begun() => _begun.TrySetResult();

    /// <summary>Waits for the backend's word, but not for ever.</summary>
    public async ValueTask<bool> IsAllowedAsync()
    {
        if (!_allowed.Task.IsCompleted)
        {
            await ((Task)_allowed.Task).WaitAsync(Patience, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _allowed.TrySetResult(true);
        }

        return await _allowed.Task;
    }

    /// <summary>There is an answer, or there will be none: what is not allowed yet is not sent, and what is has begun when this returns.</summary>
    public Task DecideAsync() => _allowed.TrySetResult(false) || !_allowed.Task.Result ? Task.CompletedTask : _begun.Task;
}
