using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sentinel.Backends;
using Sentinel.Recovery.Clouds.Gce.Wire;
using Sentinel.Recovery.Outages;
using Sentinel.Testing;
using Sentinel.Testing.FakeGce;

namespace Sentinel.Recovery.Tests.Worlds;

/// <summary>
/// One or two sentinels over one fake Compute Engine, on a clock of the test's own and on one thread. What goes wrong, and
/// when, follows from a seed; <see cref="Point"/> is where a daemon may be killed.
/// </summary>
internal sealed partial class CloudWorld : IDisposable
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Random _random;
    private readonly FakeGceDirect _api;
    private readonly List<WorldSentinel> _sentinels = [];
    private readonly Queue<string> _story = [];
    private readonly HashSet<ITimer> _timers = [];
    private readonly HashSet<string> _hidden = [];
    private readonly HashSet<string> _listed = [];
    private readonly SynchronizationContext? _context = SynchronizationContext.Current;
    private readonly Thread _thread = Thread.CurrentThread;
    private bool _isCalm;
    private (ulong Id, int Starts) _hangs;

    /// <param name="seed">What goes wrong follows from it.</param>
    /// <param name="shape">Null: one that follows from the seed as well.</param>
    /// <param name="isCalm">Nothing goes wrong but what the test does.</param>
    public CloudWorld(int seed, CloudWorldShape? shape = null, bool isCalm = false)
    {
        // What goes on goes on right where it was waited for: a context would send it to another thread.
        SynchronizationContext.SetSynchronizationContext(null);
        (_random, _isCalm) = (new(seed), isCalm);
        Shape = shape ?? CloudWorldShape.Random(_random);
        Ceiling = Shape.RequestsPerMinute;
        Project = new FakeProject("test-project", Time, new GceTiming(), new NoGuests());
        _api = new(Project, Time);
        Shape.Furnish(Project);
        _disks = [.. Project.AllDisks];
    }

    /// <summary>Decides what an event means.</summary>
    internal delegate Decision StepFunction(OutageState state, OutageEvent e, OutagePolicy policy);

    public ManualTimeProvider Time { get; } = new();

    public DateTimeOffset Now => Time.GetUtcNow();

    public CloudWorldShape Shape { get; }

    public FakeProject Project { get; }

    /// <summary>The step, or a wrong one that must be caught.</summary>
    public StepFunction Step { get; set; } = OutageStep.Apply;

    /// <summary>What sentinels take for their ceiling; a wrong one must be caught.</summary>
    public int Ceiling { get; set; }

    /// <summary>Changes what a request asks or hears, as a wrong provider would; null: it goes on as it is.</summary>
    public Func<CloudWire.Call, HttpResponseMessage?>? Forge { get; set; }

    /// <summary>At which of its points the first sentinel is killed; 0: at none.</summary>
    public int KillAt { get; set; }

    /// <summary>How many points it came by.</summary>
    public int Points { get; private set; }

    /// <summary>What a sentinel threw, which it never should.</summary>
    public Exception? Broken { get; set; }

    /// <summary>Says so if something hopped to another thread: a world must unfold the same way each time.</summary>
    public void MustStay()
    {
        if (Thread.CurrentThread != _thread)
        {
            Broken ??= new InvalidOperationException($"hopped to another thread: {Environment.StackTrace}");
        }
    }

    /// <summary>The last that happened.</summary>
    public string Story => string.Join('\n', _story);

    public IReadOnlyList<WorldSentinel> Sentinels => _sentinels;

    /// <summary>Requests so far that change something.</summary>
    public List<CloudWire.Call> Changes { get; } = [];

    /// <summary>The daemons begin.</summary>
    public void Begin()
    {
        for (var i = 0; i < Shape.Sentinels; i++)
        {
            var sentinel = new WorldSentinel(this, $"s{i + 1}");
            _sentinels.Add(sentinel);
            Every(TimeSpan.FromSeconds(5), () => Poll(sentinel));
            Every(TimeSpan.FromSeconds(2), () => Probe(sentinel));
            Every(TimeSpan.FromSeconds(1), () => Tick(sentinel));
        }
    }

    /// <summary>Time passes, and the invariants are looked at.</summary>
    public void Pass(TimeSpan time)
    {
        for (var end = Now + time; Now < end;)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            if (Broken is WorldViolationException violation)
            {
                throw violation;
            }

            Must(Broken is null, $"a sentinel never throws, but {Broken}");
            CheckCloud();
        }
    }

    /// <summary>So long of trouble, then peace until it serves.</summary>
    public void Run(TimeSpan trouble)
    {
        Begin();
        for (var end = Now + trouble; Now < end;)
        {
            Pass(TimeSpan.FromSeconds(1));
            if (_random.Next(60) == 0)
            {
                MakeTrouble();
            }
        }

        _isCalm = true;
        Project.Trouble.Starving = (_, _, _) => null;
        UntilServing(TimeSpan.FromHours(3));
    }

    /// <summary>At peace everything serves before long.</summary>
    public void UntilServing(TimeSpan patience)
    {
        for (var end = Now + patience; !_sentinels.TrueForAll(Serves);)
        {
            Must(Now < end, "serves in the end");
            foreach (var held in _sentinels.Where(sentinel => sentinel.State?.Phase is OutagePhase.Held))
            {
                Release(held);
            }

            Pass(TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>Whether the daemon is killed here.</summary>
    public bool Point(WorldSentinel sentinel, string what)
    {
        var isChosen = sentinel == _sentinels.FirstOrDefault() && ++Points == KillAt;
        if (!isChosen && (_isCalm || _random.Next(300) > 0))
        {
            return false;
        }

        Tell($"! at: {what}");
        Kill(sentinel);
        return true;
    }

    /// <summary>The run that is on answers no more.</summary>
    public void Hang() => _hangs = Project.FindAll(CloudWorldShape.Vm.Name).Where(vm => vm.Status == "RUNNING").Select(vm => (vm.Id, vm.Starts)).SingleOrDefault();

    /// <summary>What comes of a request is told a moment later.</summary>
    public void Later(WorldSentinel sentinel, Func<OutageEvent> say)
    {
        var life = sentinel.Life;
        After(TimeSpan.FromMilliseconds(1), () =>
        {
            if (life == sentinel.Life)
            {
                sentinel.Apply(say());
            }
        });
    }

    public void Tell(string line)
    {
        _story.Enqueue(line);
        if (_story.Count > 200)
        {
            _story.Dequeue();
        }
    }

    public GceInstance? Read(string zone) => Get($"zones/{zone}/instances/{CloudWorldShape.Vm.Name}", GceJson.Default.GceInstance);

    public JsonObject Describe(string zone) => Get($"zones/{zone}/instances/{CloudWorldShape.Vm.Name}", GceJson.Default.JsonObject)!;

    public IReadOnlyList<GceOperation> Operations(string zone) => Get($"zones/{zone}/operations?maxResults=100&orderBy=creationTimestamp%20desc", GceJson.Default.GcePageGceOperation)!.Items ?? [];

    public void Release(WorldSentinel sentinel)
    {
        if (sentinel.State?.Phase is OutagePhase.Held)
        {
            _letGo.Add(sentinel.Name);
            sentinel.Apply(new OperatorAsked(Now, OperatorRequest.Release));
        }
    }

    /// <summary><c>kill -9</c>, and another one a while later.</summary>
    public void Kill(WorldSentinel sentinel)
    {
        sentinel.Crash();
        var life = sentinel.Life;
        After(TimeSpan.FromSeconds(_isCalm ? 2 : _random.Next(60)), () =>
        {
            if (life == sentinel.Life)
            {
                sentinel.Begin();
            }
        });
    }

    public void Dispose()
    {
        _sentinels.ForEach(sentinel => sentinel.Dispose());
        SynchronizationContext.SetSynchronizationContext(_context);
    }

    private bool Serves(WorldSentinel sentinel) => sentinel.State?.Shown is BackendState.Serving && Read(sentinel.Place)?.Status == "RUNNING";

    private T? Get<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        using var answer = _api.Answer(HttpMethod.Get, new Uri($"http://world/compute/v1/projects/test-project/{path}"), null);
        return answer.StatusCode is HttpStatusCode.NotFound ? null : JsonSerializer.Deserialize(answer.Content.ReadAsStream(), type);
    }

    private void MakeTrouble()
    {
        var sentinel = _sentinels[_random.Next(_sentinels.Count)];
        var vm = Project.FindAll(CloudWorldShape.Vm.Name).FirstOrDefault(known => known.Status == "RUNNING");
        var isKnown = vm is not null && _sentinels.TrueForAll(known => known.HasDescribed(vm));
        switch (_random.Next(10))
        {
            // what goes before anybody saw it run cannot be made up again
            case 0 or 1 or 2 when vm is not null && (isKnown || !vm.IsDeletedWhenPreempted):
                Tell($"* preempted in {vm.Zone}");
                Project.Preempt(vm.Zone, vm.Name);
                break;
            case 3 when vm is not null:
                Tell($"* a person stops it in {vm.Zone}");
                Project.StopByPerson(vm.Zone, vm.Name);
                break;
            case 4 when vm is not null && isKnown && _random.Next(3) == 0:
                Tell($"* a person deletes it in {vm.Zone}");
                Project.DeleteByPerson(vm.Zone, vm.Name);
                break;
            case 5 when vm is not null:
                Project.FailHost(vm.Zone, vm.Name);
                break;
            case 6:
                Starve();
                break;
            case 8:
                Kill(sentinel);
                break;
            case 7 when vm is not null && Shape.Policy.HungAfter > TimeSpan.Zero && _random.Next(2) == 0:
                Tell("* it hangs");
                Hang();
                break;
            case 7:
                Release(sentinel);
                break;
            case 9 when Serves(sentinel):
                sentinel.Crash();
                sentinel.Forget();
                sentinel.Begin();
                break;
        }
    }

    private void Starve()
    {
        var (zones, kinds, faults) = (_random.Next(4), _random.Next(3), _random.Next(8));
        Tell($"* capacity: {zones} {kinds} {faults}");
        Project.Trouble.Starving = (zone, type, model) =>
            (zones & (zone == CloudWorldShape.Home ? 1 : 2)) == 0 || (kinds == 1 && type != "e2-small") || (kinds == 2 && model != "SPOT") ? null
            : faults switch
            {
                0 => OperationFault.Quota(),
                1 => OperationFault.Preempted,
                _ => OperationFault.NoCapacity(zone, faults == 2),
            };
    }

    private void Poll(WorldSentinel sentinel)
    {
        var life = sentinel.Life;
        var report = !_isCalm && _random.Next(20) == 0 ? new InstanceUnseen(Now) : sentinel.Look(id => !_isCalm && IsHidden(id));
        var times = report is null ? 0 : _isCalm ? 1 : _random.Next(12) switch { 0 => 0, 1 => 2, _ => 1 };
        for (var i = 0; i < times; i++)
        {
            After(TimeSpan.FromMilliseconds(_isCalm ? 10 : _random.Next(8000)), () =>
            {
                if (life == sentinel.Life)
                {
                    sentinel.Apply(report! with { At = Now });
                }
            });
        }
    }

    /// <summary>Lists have been incomplete: an operation may be missing from them for a while.</summary>
    private bool IsHidden(string operation)
    {
        if (_listed.Add(operation) && _random.Next(8) == 0)
        {
            _hidden.Add(operation);
            After(TimeSpan.FromSeconds(8), () => _hidden.Remove(operation));
        }

        return _hidden.Contains(operation);
    }

    private void Probe(WorldSentinel sentinel)
    {
        if (sentinel.State is null)
        {
            return;
        }

        var (life, begun) = (sentinel.Life, Now);
        var passes = sentinel.Place.Length > 0 && Read(sentinel.Place) is { Status: "RUNNING" } vm && Now - vm.LastStartTimestamp > TimeSpan.FromSeconds(20)
            && Project.Find(sentinel.Place, vm.Name) is { } it && (it.Id, it.Starts) != _hangs && (_isCalm || _random.Next(20) > 0);
        After(TimeSpan.FromMilliseconds(_isCalm ? 5 : _random.Next(1500)), () =>
        {
            if (life == sentinel.Life)
            {
                sentinel.Apply(passes ? new ProbePassed(Now, begun) : new ProbeFailed(Now, begun, "connection refused"));
            }
        });
    }

    private void Tick(WorldSentinel sentinel)
    {
        if (sentinel.State is { } state && OutageStep.NextDue(state, Shape.Policy) <= Now)
        {
            sentinel.Apply(new Ticked(Now, 0));
        }
    }

    private void Every(TimeSpan period, Action what) => After(period, () =>
    {
        what();
        Every(period, what);
    });

    private void After(TimeSpan wait, Action what)
    {
        ITimer? timer = null;
        timer = Time.CreateTimer(
            _ =>
            {
                _timers.Remove(timer!);
                what();
            },
            null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timers.Add(timer);
        timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    private void Must(bool holds, string what)
    {
        if (!holds)
        {
            throw new WorldViolationException($"{what}; at {(Now - Start).TotalSeconds:0}s\n{Shape}\n{string.Join('\n', _sentinels.Select(sentinel => $"{sentinel.Name} in {sentinel.Place}: {sentinel.State}"))}\n{string.Join('\n', Project.FindAll(CloudWorldShape.Vm.Name).Select(vm => $"{vm.Zone}: {vm.Status}, boot disk: {vm.HasBootDisk}"))}\n{Story}");
        }
    }
}

/// <summary>An invariant does not hold.</summary>
internal sealed class WorldViolationException(string message) : Exception(message);
