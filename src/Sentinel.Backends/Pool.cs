using System.Collections.Immutable;
using Sentinel.Backends.Picking;

namespace Sentinel.Backends;

/// <summary>One pool as it was when its snapshot was published.</summary>
public sealed class Pool
{
    private readonly IPicker _picker;

    internal Pool(PoolDefinition definition, ImmutableArray<Backend> members, Backend? active, IPicker picker, PoolWaits waits)
    {
        (Definition, Waits) = (definition, waits);
        Members = members;
        Eligible = [.. members.Where(member => member.TakesNew)];
        Active = definition.Policy != PoolPolicy.ActiveStandby ? Eligible : active is null ? [] : [active];
        _picker = picker;
    }

    /// <summary>What the configuration says of it.</summary>
    public PoolDefinition Definition { get; }

    /// <summary>Those who wait for it. The same object in every snapshot.</summary>
    public PoolWaits Waits { get; }

    /// <summary>All its backends, in the order of the file.</summary>
    public ImmutableArray<Backend> Members { get; }

    /// <summary>Those that may take a new connection.</summary>
    public ImmutableArray<Backend> Eligible { get; }

    /// <summary>Those that new connections go to: one under active/standby, else all that are eligible.</summary>
    public ImmutableArray<Backend> Active { get; }

    /// <summary>Whether anybody can serve.</summary>
    public bool CanServe => !Eligible.IsEmpty;

    /// <summary>Picks a backend for a new connection or request.</summary>
    /// <param name="client">Who asks; decides under client affinity.</param>
    /// <param name="tried">Backends that this connection could not reach and that are passed over.</param>
    /// <returns>Null if nobody who was not tried can serve.</returns>
    public Backend? Pick(ClientAddress client, ReadOnlySpan<BackendId> tried = default)
    {
        if (tried.IsEmpty)
        {
            return Eligible.IsEmpty ? null : _picker.Pick(Eligible, Active, client);
        }

        var rest = ImmutableArray.CreateBuilder<Backend>(Eligible.Length);
        foreach (var backend in Eligible)
        {
            if (!tried.Contains(backend.Id))
            {
                rest.Add(backend);
            }
        }

        var untried = rest.DrainToImmutable();
        return untried.IsEmpty ? null : _picker.Pick(untried, untried, client);
    }
}
