using Sentinel.Backends;
using Sentinel.Recovery.Outages;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>recovery</c>, of the whole file or of one backend.</summary>
/// <param name="isOverride">Of a backend: a key that is left out has the file's value.</param>
internal sealed class RecoveryShape(bool isOverride) : ObjectShape<OutagePolicy>
{
    private static readonly OutagePolicy Defaults = new();

    private static readonly Key<TimeSpan> StartAfter = Key.Default("startAfter", Forms.Duration, Defaults.StartAfter,
        "Wait before acting on a stopped VM.");

    private static readonly Key<bool> RestartWhenUserStopped = Key.Default("restartWhenUserStopped", Forms.Flag, Defaults.RestartWhenUserStopped,
        "Whether a VM that a person stopped is started again too. Otherwise it is left alone, and shown as held, until it is released.");

    private static readonly Key<TimeSpan> StartTimeout = Key.Default("startTimeout", Forms.Wait, Defaults.StartTimeout,
        "From an accepted start to a healthy backend; then the next attempt.");

    private static readonly Key<TimeSpan> HungAfter = Key.Default("hungAfter", Forms.Duration, Defaults.HungAfter,
        "Running but unhealthy for so long: it is reset. 0s: never.");

    private static readonly Key<TimeSpan> SlowAfter = Key.Default("slowAfter", Forms.Duration, Defaults.SlowAfter,
        "An outage longer than this is reported as slow. 0s: never.");

    private readonly Key<OutagePolicy> _backoff = Key.Optional("backoff", new BackoffShape(isOverride),
        "The wait between failed attempts: it doubles, with jitter, and never gives up.");

    private readonly Key<OutagePolicy> _flap = Key.Optional("flap", new FlapShape(isOverride),
        "A pause for a VM that goes down again and again.");

    private static readonly Key<EquatableList<Fallback>> Fallbacks = Key.Default("fallbacks",
        new ListShape<Fallback>("fallbacks", new FallbackShape(), distinct: true), Defaults.Fallbacks,
        "What is tried, in order, once a start of a VM of Compute Engine found no capacity; then the start again.");

    private readonly Key<Recreation> _recreate = Key.Optional("recreate", new RecreateShape(), "How a VM of Compute Engine that is gone is made again.");

    public override IReadOnlyList<Key> Keys => [StartAfter, RestartWhenUserStopped, StartTimeout, _backoff, HungAfter, SlowAfter, _flap, Fallbacks, _recreate];

    public override IReadOnlyList<LaterKey> Later => NotYet.Recovery;

    protected override string Noun => "recovery";

    protected override bool HasDefaults => !isOverride;

    /// <summary>Even a <c>recovery</c> with mistakes is what the backends begin from: theirs are judged in the same go.</summary>
    protected override void Check(Fields fields)
    {
        if (!isOverride)
        {
            fields.Reading.Recovery = Build(fields);
        }
    }

    protected override OutagePolicy Build(Fields fields)
    {
        var basis = fields.Reading.Recovery;
        var backoff = fields.OrNull(_backoff) ?? basis;
        var flap = fields.OrNull(_flap) ?? basis;
        return new()
        {
            StartAfter = fields.Get(StartAfter, basis.StartAfter),
            RestartWhenUserStopped = fields.Get(RestartWhenUserStopped, basis.RestartWhenUserStopped),
            StartTimeout = fields.Get(StartTimeout, basis.StartTimeout),
            BackoffInitial = backoff.BackoffInitial,
            BackoffMax = backoff.BackoffMax,
            HungAfter = fields.Get(HungAfter, basis.HungAfter),
            SlowAfter = fields.Get(SlowAfter, basis.SlowAfter),
            FlapCount = flap.FlapCount,
            FlapWithin = flap.FlapWithin,
            FlapPause = flap.FlapPause,
            Fallbacks = fields.Get(Fallbacks, basis.Fallbacks),
            Recreate = fields.OrNull(_recreate) ?? basis.Recreate,
        };
    }

    /// <summary>The policy that holds above, with the keys of <c>backoff</c> in it.</summary>
    private sealed class BackoffShape(bool isOverride) : ObjectShape<OutagePolicy>
    {
        private static readonly Key<TimeSpan> Initial = Key.Default("initial", Forms.Wait, Defaults.BackoffInitial, "After the first failed attempt.");

        private static readonly Key<TimeSpan> Max = Key.Default("max", Forms.Wait, Defaults.BackoffMax, "The longest.");

        public override IReadOnlyList<Key> Keys { get; } = [Initial, Max];

        protected override string Noun => "backoff";

        protected override bool HasDefaults => !isOverride;

        protected override void Check(Fields fields)
        {
            var basis = fields.Reading.Recovery;
            var readable = (fields.Try(Initial, out _) || !fields.Has(Initial)) && (fields.Try(Max, out _) || !fields.Has(Max));
            var (initial, max) = (fields.Get(Initial, basis.BackoffInitial), fields.Get(Max, basis.BackoffMax));
            if (readable && max < initial)
            {
                fields.Fail(fields.Has(Max) ? Max : Initial, "initial not longer than max", $"initial {Values.Duration.ToText(initial)} and max {Values.Duration.ToText(max)}");
            }
        }

        protected override OutagePolicy Build(Fields fields) => fields.Reading.Recovery with
        {
            BackoffInitial = fields.Get(Initial, fields.Reading.Recovery.BackoffInitial),
            BackoffMax = fields.Get(Max, fields.Reading.Recovery.BackoffMax),
        };
    }

    /// <summary>The policy that holds above, with the keys of <c>flap</c> in it.</summary>
    private sealed class FlapShape(bool isOverride) : ObjectShape<OutagePolicy>
    {
        private static readonly Key<int> Count = Key.Default("count", Forms.Limit, Defaults.FlapCount, "So many outages bring a pause. 0: never.");

        private static readonly Key<TimeSpan> Within = Key.Default("within", Forms.Wait, Defaults.FlapWithin, "Outages older than this no longer count.");

        private static readonly Key<TimeSpan> Pause = Key.Default("pause", Forms.Wait, Defaults.FlapPause, "How long the pause is.");

        public override IReadOnlyList<Key> Keys { get; } = [Count, Within, Pause];

        protected override string Noun => "flap";

        protected override bool HasDefaults => !isOverride;

        protected override OutagePolicy Build(Fields fields) => fields.Reading.Recovery with
        {
            FlapCount = fields.Get(Count, fields.Reading.Recovery.FlapCount),
            FlapWithin = fields.Get(Within, fields.Reading.Recovery.FlapWithin),
            FlapPause = fields.Get(Pause, fields.Reading.Recovery.FlapPause),
        };
    }
}
