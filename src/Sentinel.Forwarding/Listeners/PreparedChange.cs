using System.Collections.Immutable;
using Sentinel.Forwarding.HandOver;
using Sentinel.Forwarding.Relay;

namespace Sentinel.Forwarding.Listeners;

/// <summary>What a change has opened so far, and nobody sees yet.</summary>
/// <param name="commit">Puts it in force.</param>
internal sealed class PreparedChange(ListenerSet current, Action<PreparedChange> commit) : ListenerChange
{
    private readonly List<BindError> _errors = [];
    private readonly ImmutableArray<Listener>.Builder _listeners = ImmutableArray.CreateBuilder<Listener>();
    private readonly ImmutableDictionary<BindAddress, Bound>.Builder _bound = ImmutableDictionary.CreateBuilder<BindAddress, Bound>();
    private readonly List<ListenerRules> _rules = [];
    private bool _isOver;

    public override IReadOnlyList<BindError> Errors => _errors;

    /// <summary>What it set out from.</summary>
    public ListenerSet From => current;

    /// <summary>What will be in force.</summary>
    public ListenerSet To => new(_listeners.ToImmutable(), _bound.ToImmutable());

    /// <summary>New rules of listeners that change, and the first ones of new listeners.</summary>
    public IReadOnlyList<ListenerRules> Rules => _rules;

    public void Bind(ListenerSettings settings, PassedSockets passed, Keeping keeping)
    {
        foreach (var address in settings.Bind)
        {
            if (current.Bound.TryGetValue(address, out var bound))
            {
                _bound[address] = bound;
                continue;
            }

            string? error = null;
            var sockets = address.EndPoint is { } endPoint && keeping.Take(endPoint) is { } kept ? [kept] : Binder.Open(address, passed, out error);
            if (error is null)
            {
                _bound[address] = new(address, sockets);
            }
            else
            {
                _errors.Add(new(settings.Name, address.ToString(), error));
            }
        }
    }

    /// <param name="open">Makes the gate of a listener whose name is new.</param>
    public async Task OpenAsync(ListenerSettings settings, Engines engines, Func<ListenerSettings, Gate> open, CancellationToken cancellationToken)
    {
        var before = current.Find(settings.Name);
        if (before?.Settings == settings && !settings.NamesFiles)
        {
            _listeners.Add(before);
            return;
        }

        if (engines.For(settings, out var error) is not { } engine)
        {
            _errors.Add(new(settings.Name, "", error!));
            return;
        }

        var rules = before is null ? open(settings).Rules : new ListenerRules(before.Gate, settings);
        var opening = default(Opening);
        try
        {
            var carrier = before?.Engine == engine ? before.Carrier : null;
            opening = await engine.OpenAsync(rules.Gate, rules, carrier, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (opening.Carrier is null && before is null)
            {
                rules.Gate.Dispose();
            }
        }

        if (opening.Carrier is null)
        {
            _errors.Add(new(settings.Name, "", opening.Error ?? "the engine did not open"));
            return;
        }

        _listeners.Add(new(settings, rules.Gate, engine, opening.Carrier));
        _rules.Add(rules);
    }

    public override void Commit()
    {
        if (_isOver || _errors.Count > 0)
        {
            throw new InvalidOperationException("This change cannot be committed: it has errors, or is over already.");
        }

        _isOver = true;
        commit(this);
    }

    public override void Dispose()
    {
        if (!_isOver)
        {
            _isOver = true;
            Abandon();
        }
    }

    /// <summary>Closes what is new.</summary>
    public void Abandon()
    {
        foreach (var (address, bound) in _bound)
        {
            if (!current.Bound.ContainsKey(address))
            {
                bound.Close();
            }
        }

        foreach (var listener in _listeners)
        {
            var before = current.Find(listener.Settings.Name);
            if (listener.Carrier != before?.Carrier)
            {
                _ = listener.Carrier.DrainAsync(new CancellationToken(canceled: true));
            }

            if (before is null)
            {
                listener.Gate.Dispose();
            }
        }
    }
}
