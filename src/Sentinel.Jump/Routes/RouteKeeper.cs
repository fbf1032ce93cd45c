using Microsoft.Extensions.Logging;
using Sentinel.Backends;
using Sentinel.Backends.Progress;

namespace Sentinel.Jump.Routes;

/// <summary>Keeps the routes to container networks as they should be: set for the VM's current address, away while the VM is. Others' routes are left alone.</summary>
internal sealed class RouteKeeper(PoolTable pools, LoopRegistry loops, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    // What others do to our routes is put right no later than that.
    private static readonly TimeSpan Review = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stopping = new();
    private volatile bool _isOn;
    private bool _hasSet;
    private bool _isClean;
    private string? _trouble;
    private Task _loop = Task.CompletedTask;

    /// <param name="settings">Null: no routes.</param>
    public void Configure(JumpSettings? settings) => _isOn = settings?.Routes == true;

    public void Start() => _loop = KeepAsync();

    /// <summary>Ends it.</summary>
    /// <param name="leave">Whether the routes stay: for a successor, through which the same connections go on.</param>
    public async Task StopAsync(bool leave)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        if ((_isOn || _hasSet) && !leave && KernelRoutes.Find(time, out _) is { } kernel)
        {
            await ApplyAsync(kernel, new([], []), CancellationToken.None).ConfigureAwait(false);
        }

        _stopping.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync(leave: false).ConfigureAwait(false);

    /// <summary>Whether there is a VM at the last address that is known: another's machine may have it by now if not.</summary>
    internal static bool IsThere(BackendState state) =>
        state is not (BackendState.Stopping or BackendState.Starting or BackendState.Recreating or BackendState.Waiting or BackendState.Held);

    private async Task KeepAsync()
    {
        using var progress = loops.Add("ssh.routes");
        using var timer = new PeriodicTimer(Round, time);
        var (version, isOn, reviewedAt) = (-1L, false, time.GetTimestamp());
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                do
                {
                    progress.Beat();
                    var snapshot = pools.Current;
                    if (snapshot.Version == version && isOn == _isOn && time.GetElapsedTime(reviewedAt) < Review)
                    {
                        continue;
                    }

                    (version, isOn, reviewedAt) = (snapshot.Version, _isOn, time.GetTimestamp());
                    await LookAsync(snapshot).ConfigureAwait(false);
                }
                while (await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false));
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                Log.RoutesFault(logger, e);
                await Task.Delay(Round, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception)
            {
                // The daemon stops.
                return;
            }
        }
    }

    private async Task LookAsync(PoolTableSnapshot snapshot)
    {
        var plan = _isOn ? Plan(snapshot) : new([], []);
        if (plan.Routes.Count == 0 && (_isClean || !(_isOn || _hasSet)))
        {
            return;
        }

        if (KernelRoutes.Find(time, out var why) is not { } kernel)
        {
            Tell(plan.Routes.Count == 0 ? null : why, refusal => Log.RoutesNotOurs(logger, refusal));
            return;
        }

        // Also where there is nothing to set: a daemon that crashed may have left some.
        _hasSet = true;
        _isClean = await ApplyAsync(kernel, plan, _stopping.Token).ConfigureAwait(false) && plan.Routes.Count == 0;
    }

    private static RoutePlan Plan(PoolTableSnapshot snapshot) => RoutePlan.Of(snapshot.Backends.Values.Select(
        backend => (backend.Id, (IReadOnlyList<string>)backend.Definition.Networks, IsThere(backend.Status.State) ? backend.Address : null)));

    /// <returns>Whether everything is as planned.</returns>
    private async Task<bool> ApplyAsync(KernelRoutes kernel, RoutePlan plan, CancellationToken cancellationToken)
    {
        var (inForce, why) = await kernel.ListAsync(cancellationToken).ConfigureAwait(false);
        var trouble = why;
        foreach (var old in (inForce ?? []).Where(old => !plan.Routes.Any(route => IsSame(route, old))))
        {
            // A route that is replaced in one step leaves no moment without one.
            if (!plan.Routes.Any(route => route.Network.Equals(old.Network)))
            {
                var refusal = await kernel.ChangeAsync("del", old, cancellationToken).ConfigureAwait(false);
                trouble ??= refusal;
                if (refusal is null)
                {
                    Log.RouteRemoved(logger, old.Network.ToString(), old.Via.ToString());
                }
            }
        }

        foreach (var route in inForce is null ? [] : plan.Routes.Where(route => !inForce.Any(old => IsSame(route, old))))
        {
            var refusal = await kernel.ChangeAsync("replace", route, cancellationToken).ConfigureAwait(false);
            trouble ??= refusal;
            if (refusal is null)
            {
                Log.RouteSet(logger, route.Network.ToString(), route.Via.ToString(), route.Backend.Name);
            }
        }

        Tell(trouble, refusal => Log.RoutesFailed(logger, refusal));
        return trouble is null;
    }

    private static bool IsSame(ContainerRoute one, ContainerRoute other) => one.Network.Equals(other.Network) && one.Via.Equals(other.Via);

    /// <summary>Once, and not again until something else is wrong.</summary>
    private void Tell(string? trouble, Action<string> log)
    {
        if (trouble is not null && trouble != _trouble)
        {
            log(trouble);
        }

        _trouble = trouble;
    }
}
