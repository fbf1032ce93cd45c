using Sentinel.Backends;
using Sentinel.Backends.Commands;

namespace Sentinel.Jump.Placement;

/// <summary>Has the operator's program make users on VMs, one at a time on each.</summary>
internal sealed class Provisioning(Func<string> ownKey, TimeProvider time)
{
    private const int MostOutput = 16 * 1024;

    private readonly Dictionary<BackendId, SemaphoreSlim> _gates = [];

    /// <summary>Waits until nobody else is being made there.</summary>
    /// <returns>Dispose it to let the next one.</returns>
    public async Task<IDisposable> EnterAsync(BackendId backend, CancellationToken cancellationToken)
    {
        SemaphoreSlim? gate;
        lock (_gates)
        {
            if (!_gates.TryGetValue(backend, out gate))
            {
                _gates[backend] = gate = new(1, 1);
            }
        }

        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Turn(gate);
    }

    /// <summary>Runs it.</summary>
    /// <param name="command">With <c>{user}</c>, <c>{backend}</c>, <c>{address}</c> and <c>{publicKey}</c>, the sentinel's own for VMs.</param>
    public Task<CommandOutcome> RunAsync(IReadOnlyList<string> command, TimeSpan patience, string user, Backend backend, CancellationToken cancellationToken)
    {
        if (backend.Address is not { } address)
        {
            return Task.FromResult(new CommandOutcome("was not run, because no address of the backend is known now", ""));
        }

        string[] words = [.. command.Select(word => word
            .Replace("{user}", user, StringComparison.Ordinal)
            .Replace("{backend}", backend.Id.Name, StringComparison.Ordinal)
            .Replace("{address}", address, StringComparison.Ordinal)
            .Replace("{publicKey}", ownKey(), StringComparison.Ordinal))];
        return Command.HearAsync(words, patience, MostOutput, time, cancellationToken);
    }

    /// <summary>Returns once no program runs any more. Nobody may enter after this.</summary>
    public async Task DrainAsync()
    {
        SemaphoreSlim[] gates;
        lock (_gates)
        {
            gates = [.. _gates.Values];
        }

        foreach (var gate in gates)
        {
            await gate.WaitAsync().ConfigureAwait(false);
        }
    }

    private sealed class Turn(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}
