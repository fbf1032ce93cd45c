using System.Collections.Immutable;

namespace Sentinel.Backends.Picking;

/// <summary>The pool's active backend; where it was tried in vain, the next by priority.</summary>
internal sealed class ActiveStandbyPicker : IPicker
{
    public Backend Pick(ImmutableArray<Backend> eligible, ImmutableArray<Backend> active, ClientAddress client) =>
        active.Length == 1 ? active[0] : Best(eligible)!;

    /// <summary>Lowest priority; the file's order among equals.</summary>
    public static Backend? Best(ImmutableArray<Backend> candidates)
    {
        Backend? best = null;
        foreach (var candidate in candidates)
        {
            if (best is null || candidate.Definition.Priority < best.Definition.Priority)
            {
                best = candidate;
            }
        }

        return best;
    }

    /// <summary>
    /// Who should be active now. A better backend than the current one waits until it has been healthy for
    /// <see cref="PoolDefinition.FailbackAfter"/>, so that one that comes and goes does not move users back and forth.
    /// </summary>
    /// <param name="current">Who is active; null at the start.</param>
    /// <param name="next">When to ask again, if a better backend is waiting.</param>
    public static Backend? Elect(PoolDefinition pool, ImmutableArray<Backend> members, BackendId? current, DateTimeOffset now, out DateTimeOffset? next)
    {
        next = null;
        Backend? elected = null;
        foreach (var member in members)
        {
            if (member.TakesNew && member.Id == current)
            {
                elected = member;
            }
        }

        if (elected is null)
        {
            return Best([.. members.Where(member => member.TakesNew)]);
        }

        foreach (var member in members)
        {
            if (!member.TakesNew || member.Definition.Priority >= elected.Definition.Priority)
            {
                continue;
            }

            var due = member.HealthySince == DateTimeOffset.MinValue ? now : member.HealthySince + pool.FailbackAfter;
            if (due <= now)
            {
                elected = member;
            }
            else if (next is null || due < next)
            {
                next = due;
            }
        }

        return elected;
    }
}
