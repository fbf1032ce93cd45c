using System.Collections.Immutable;

namespace Sentinel.Recovery.Outages;

/// <summary>One application of the step: the state on its way from old to new, and the effects as they come up.</summary>
internal sealed partial class OutageTurn(OutageState before, DateTimeOffset at, OutagePolicy policy)
{
    private readonly ImmutableArray<OutageEffect>.Builder _effects = ImmutableArray.CreateBuilder<OutageEffect>();
    private readonly OutageState _before = before;
    private OutageState _state = before;
    private string? _refusal;
    private Outage? _ended;

    /// <summary>What came of it.</summary>
    public Decision Decide() => new(
        _state.Shown == _before.Shown ? _state : _state with { Since = at },
        _effects.DrainToImmutable(),
        _refusal,
        _ended);

    /// <summary>Tells people, and the outage's timeline.</summary>
    public void Note(OutageMark what, OutageSource source, string detail)
    {
        var entry = new OutageEntry(at, what, source, detail);
        _state = _state with { Outage = _state.Outage?.With(entry) };
        _effects.Add(new Noted(entry));
    }

    /// <summary>The backend is no longer configured.</summary>
    public void Remove() => Close(OutageMark.Removed, OutageSource.Operator, "no longer configured");

    /// <summary>The wall clock was set.</summary>
    public void Shift(TimeSpan by) => _state = _state with
    {
        Phase = _state.Phase.Shifted(by),
        Since = _state.Since + by,
        PassedAt = _state.PassedAt + by,
        HangsSince = _state.HangsSince + by,
        EvidenceFrom = _state.EvidenceFrom == default ? default : _state.EvidenceFrom + by,
        Outage = _state.Outage?.Shifted(by),
        Pending = _state.Pending is { } pending ? pending with { Until = pending.Until + by } : null,
        Recent = [.. _state.Recent.Select(begun => begun + by)],
        OnDemandSince = _state.OnDemandSince + by,
        ReturnFrom = _state.ReturnFrom == default ? default : _state.ReturnFrom + by,
        QuietSince = _state.QuietSince + by,
    };

    private void Alert(OutageAlert kind, string reason, string detail) => Do(new TellPeople(kind, reason, detail));

    /// <summary>Tells of it unless this outage told of it before, be it before a restart of the daemon.</summary>
    private void AlertOnce(OutageAlert kind, string reason, string detail, int bit)
    {
        if (_state.Outage is { } outage && (outage.Alerted & (1 << bit)) == 0)
        {
            Change(told => told with { Alerted = told.Alerted | (1 << bit) });
            Alert(kind, reason, detail);
        }
    }

    private void Enter(OutagePhase phase, string reason) => _state = _state with { Phase = phase, Reason = reason };

    private void Do(OutageEffect effect) => _effects.Add(effect);

    private void Change(Func<Outage, Outage> change) => _state = _state with { Outage = _state.Outage is { } outage ? change(outage) : null };

    private void Open(OutageCause cause, OutageSource source, string detail)
    {
        // Named after the second, and a second later if that name is taken. After the clock was set back by much, names
        // repeat the hour rather than run ahead of it.
        var second = new DateTimeOffset(at.Ticks - (at.Ticks % TimeSpan.TicksPerSecond), at.Offset);
        if (second <= _state.LastNamed && _state.LastNamed - second < TimeSpan.FromMinutes(1))
        {
            second = _state.LastNamed.AddSeconds(1);
        }

        var isQuiet = cause is OutageCause.NotStarted;
        _state = _state with
        {
            Outage = new Outage { Id = $"{second.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{_state.Backend}", OpenedAt = at, Cause = cause, IsQuiet = isQuiet },
            LastNamed = second,
            Recent = isQuiet || cause is OutageCause.Ours ? _state.Recent : [.. _state.Recent.Where(begun => begun > at - (policy.FlapWithin > Brake ? policy.FlapWithin : Brake)), at],
        };
        if (!isQuiet)
        {
            Note(OutageMark.Opened, source, detail);
        }
    }

    private void Close(OutageMark what, OutageSource source, string detail)
    {
        if (_state.Outage is not { } outage)
        {
            return;
        }

        if (!outage.IsQuiet)
        {
            _state = _state with { Outage = outage with { ClosedAt = at, PassedAt = _state.PassedAt, NextAttempt = null, Unanswered = false } };
            Note(what, source, detail);
            _ended = _state.Outage;
            if (what is OutageMark.Closed)
            {
                Alert(OutageAlert.Recovered, outage.Cause.ToName(), detail);
            }
        }

        _state = _state with { Outage = null };
    }
}
