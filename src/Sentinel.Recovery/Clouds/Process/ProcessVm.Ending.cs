using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Clouds.Process;

/// <summary>How a VM ends, by itself or by us, and how nothing of it is left behind.</summary>
internal sealed partial class ProcessVm
{
    private void OnExit(long incarnation, ProcessExit exit)
    {
        lock (_lock)
        {
            if (_incarnation != incarnation || _leader is null)
            {
                return;
            }

            _leader = null;
            var stop = new InstanceStop(
                _ending is Ending.NotOurs ? exit.Cause : OutageCause.Ours, _parts.Time.GetUtcNow(), _ending is Ending.NotOurs ? exit.ToString() : "stopped by the sentinel");
            Log.VmEnded(_parts.Logger, _name, stop.Detail);
            if (_ending is not Ending.Reset)
            {
                _feed.Tell(new(InstanceCondition.Stopped, new(incarnation), Stop: stop));
            }
        }

        _ = ClearAfterExitAsync(incarnation);
    }

    private async Task ClearAfterExitAsync(long incarnation)
    {
        try
        {
            await _turn.WaitAsync().ConfigureAwait(false);
            try
            {
                InstanceStop? stop;
                lock (_lock)
                {
                    // It may run again by now, or have been told to be forgotten.
                    stop = _leader is null && _incarnation == incarnation ? _feed.Last?.Stop : null;
                }

                if (stop is { Cause: not OutageCause.Ours })
                {
                    WriteRecord(stop);
                    await EndAllAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
                }
            }
            finally
            {
                _turn.Release();
            }
        }
        catch (Exception e)
        {
            Log.VmClearFailed(_parts.Logger, e, _name);
        }
    }

    /// <summary>Ends what earlier runs left behind; what belongs to the run that goes on stays.</summary>
    private async Task ClearAsync()
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            var left = await EndAllAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false);
            if (left.Count > 0)
            {
                Log.VmRemains(_parts.Logger, _name, string.Join(", ", left.Select(process => process.Process.Pid)));
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Ends everything that belongs to this VM; while it runs and nobody means to stop it, only what is of earlier runs.</summary>
    /// <returns>What could not be ended.</returns>
    private Task<IReadOnlyList<MarkedProcess>> EndAllAsync(TimeSpan grace, CancellationToken hurry) =>
        ProcessSweep.EndAsync(_parts, DoomedAsync, IsEnding, grace, hurry);

    /// <summary>Whether its first process was told to end and the news of it is still on its way.</summary>
    private bool IsEnding()
    {
        lock (_lock)
        {
            return _leader is not null && _ending is not Ending.NotOurs;
        }
    }

    private async Task<IReadOnlyList<MarkedProcess>> DoomedAsync()
    {
        var found = await _parts.Host.ScanAsync(new Dictionary<string, VmMark> { [_name.Name] = Mark }).ConfigureAwait(false);
        lock (_lock)
        {
            var goesOn = _leader is not null && _ending is Ending.NotOurs;
            return goesOn ? [.. found.Where(process => process.Incarnation is { } run && run != _incarnation)] : found;
        }
    }
}
