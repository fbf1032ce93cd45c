using System.Globalization;
using System.Text;
using Sentinel.Backends;
using Sentinel.Recovery.Outages;

namespace Sentinel.Recovery.Tests.Outages;

/// <summary>
/// Replays a scenario: lines that begin with <c>&gt;</c> are events, everything below one is what must follow from it. Time
/// passes by itself between events: what comes due on the way appears as a line that begins with a full stop. README.md
/// beside the scenarios lists the events.
/// </summary>
internal sealed class Transcript
{
    internal static readonly DateTimeOffset Start = new(2026, 11, 22, 10, 15, 0, TimeSpan.Zero);

    private readonly StringBuilder _text = new();
    private OutagePolicy _policy = new() { CanStart = true };
    private OutageState _state;
    private TimeSpan _clock;
    private TimeSpan _set;
    private int _connections;

    private Transcript() => _state = OutageStep.Begin(new BackendId("spot-1"), Start).State;

    /// <summary>The scenario with what really follows from its events.</summary>
    public static string Replay(string scenario) => Follow(scenario)._text.ToString().TrimEnd('\n') + "\n";

    /// <summary>How it stands after all events.</summary>
    public static OutageState StateAfter(string scenario) => Follow(scenario)._state;

    private static Transcript Follow(string scenario)
    {
        var transcript = new Transcript();
        foreach (var line in scenario.Split('\n'))
        {
            if (line.Length == 0 || line[0] == '#')
            {
                transcript._text.Append(line).Append('\n');
            }
            else if (line.StartsWith("policy ", StringComparison.Ordinal))
            {
                transcript.Configure(line["policy ".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries));
                transcript._text.Append(line).Append('\n');
            }
            else if (line[0] == '>')
            {
                transcript.Run(line);
            }
        }

        return transcript;
    }

    /// <summary>A number with a unit, as in the configuration file, with fractions.</summary>
    public static TimeSpan Span(string text)
    {
        var unit = text.TrimStart('-', '+', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
        var number = decimal.Parse(text[..^unit.Length], NumberStyles.Float, CultureInfo.InvariantCulture);
        return unit switch
        {
            "ms" => new((long)(number * TimeSpan.TicksPerMillisecond)),
            "s" => new((long)(number * TimeSpan.TicksPerSecond)),
            "m" => new((long)(number * TimeSpan.TicksPerMinute)),
            "h" => new((long)(number * TimeSpan.TicksPerHour)),
            _ => throw new FormatException($"not a duration: {text}"),
        };
    }

    private void Configure(string[] settings)
    {
        foreach (var setting in settings)
        {
            var (key, value) = setting.Split('=') is [var k, var v] ? (k, v) : throw new FormatException(setting);
            _policy = key switch
            {
                "canStart" => _policy with { CanStart = bool.Parse(value) },
                "probed" => _policy with { Probed = bool.Parse(value) },
                "healthyAfter" => _policy with { HealthyAfter = int.Parse(value) },
                "unhealthyAfter" => _policy with { UnhealthyAfter = int.Parse(value) },
                "startAfter" => _policy with { StartAfter = Span(value) },
                "startTimeout" => _policy with { StartTimeout = Span(value) },
                "restartWhenUserStopped" => _policy with { RestartWhenUserStopped = bool.Parse(value) },
                "backoffInitial" => _policy with { BackoffInitial = Span(value) },
                "backoffMax" => _policy with { BackoffMax = Span(value) },
                "hungAfter" => _policy with { HungAfter = Span(value) },
                "slowAfter" => _policy with { SlowAfter = Span(value) },
                "flapCount" => _policy with { FlapCount = int.Parse(value) },
                "flapWithin" => _policy with { FlapWithin = Span(value) },
                "recreate" => _policy with { Recreate = new() { Template = value.Length > 0 ? value : null } },
                "fallbacks" => _policy with { Fallbacks = [.. value.Split(',').Select(FallbackOf)] },
                "flapPause" => _policy with { FlapPause = Span(value) },
                _ => throw new FormatException($"no such setting: {key}"),
            };
        }
    }

    /// <summary><c>machine:TYPE</c>, <c>zone:ZONE</c>, <c>snapshot:ZONE</c>, <c>onDemand:DURATION</c>.</summary>
    private static Fallback FallbackOf(string text) => text.Split(':') switch
    {
        ["machine", var type] => new Fallback.OtherMachine(type),
        ["zone", var zone] => new Fallback.OtherZone(zone, FromSnapshot: false),
        ["snapshot", var zone] => new Fallback.OtherZone(zone, FromSnapshot: true),
        ["onDemand", var atMost] => new Fallback.OnDemand(Span(atMost)),
        _ => throw new FormatException(text),
    };

    private void Run(string line)
    {
        var words = line[1..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var at = Span(words[0]);
        LetTimePass(at);
        _clock = at;
        _text.Append(line).Append('\n');
        var rest = string.Join(' ', words[2..]);
        switch (words[1])
        {
            case "restart":
                Show(OutageStep.Begin(_state.Backend, Now, _state.Outage is { IsQuiet: false } open ? open : null, _state.Draining, _state.Recent));
                break;
            case "clock":
                _set += Span(words[2]);
                Apply(new ClockStepped(Now, Span(words[2])));
                break;
            case "connections":
                _connections = int.Parse(words[2]);
                Apply(new Ticked(Now, _connections));
                break;
            default:
                Apply(Parse(words[1], words[2..], rest));
                break;
        }
    }

    private DateTimeOffset Now => Start + _clock + _set;

    private OutageEvent Parse(string name, string[] arguments, string rest) => name switch
    {
        "tick" => new Ticked(Now, _connections),
        "pass" => new ProbePassed(Now, MomentOf("begun=", arguments)),
        "fail" => new ProbeFailed(Now, MomentOf("begun=", arguments), rest.Length == 0 ? "connection refused" : Without("begun=", arguments)),
        "running" => new InstanceRunning(
            Now, new(long.Parse(arguments[0])), arguments.Skip(1).FirstOrDefault(argument => argument != "onDemand"), arguments.Contains("onDemand")),
        "stopping" => new InstanceStopping(Now, new(long.Parse(arguments[0])), Enum.Parse<OutageCause>(arguments[1], ignoreCase: true)),
        "stopped" => new InstanceStopped(
            Now, new(long.Parse(arguments[0])), Enum.Parse<OutageCause>(arguments[1], ignoreCase: true), MomentOf("at=", arguments), arguments.Length > 2 ? Without("at=", arguments[2..]) : arguments[1]),
        "gone" => new InstanceStopped(
            Now, new(long.Parse(arguments[0])), Enum.Parse<OutageCause>(arguments[1], ignoreCase: true), Now, arguments[1], IsGone: true),
        "unseen" => new InstanceUnseen(Now),
        "notice" => new PreemptionNoticed(Now, rest.Length == 0 ? "30s ahead" : rest),
        "accepted" => new AttemptAccepted(Now, arguments.Length > 0 ? long.Parse(arguments[0]) : _state.LastTicket, "done"),
        "refused" => new AttemptRefused(
            Now, arguments.FirstOrDefault(argument => argument.StartsWith("ticket=", StringComparison.Ordinal)) is { } ticket ? long.Parse(ticket["ticket=".Length..]) : _state.LastTicket,
            Enum.Parse<Refusal>(arguments[0], ignoreCase: true), Without("ticket=", arguments[1..])),
        "ask" => new OperatorAsked(Now, Enum.Parse<OperatorRequest>(arguments[0], ignoreCase: true)),
        "removed" => new Removed(Now),
        _ => throw new FormatException($"no such event: {name}"),
    };

    /// <summary>A moment that is told beside the event's own; the event's own if it is not.</summary>
    private DateTimeOffset MomentOf(string name, string[] arguments) =>
        arguments.FirstOrDefault(argument => argument.StartsWith(name, StringComparison.Ordinal)) is { } told ? Start + _set + Span(told[name.Length..]) : Now;

    private static string Without(string name, string[] arguments) => string.Join(' ', arguments.Where(argument => !argument.StartsWith(name, StringComparison.Ordinal)));

    private void LetTimePass(TimeSpan until)
    {
        while (OutageStep.NextDue(_state, _policy) is { } due && due - Start - _set is var at && at <= until)
        {
            _clock = at > _clock ? at : _clock;
            _text.Append(". ").Append(_clock.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture)).Append("s\n");
            Apply(new Ticked(Now, _connections));
        }
    }

    private void Apply(OutageEvent e) => Show(OutageStep.Apply(_state, e, _policy));

    private void Show(Decision decision)
    {
        var (before, after) = (_state, decision.State);
        _state = after;
        if (before.Shown != after.Shown || before.Reason != after.Reason || before.Healthy != after.Healthy)
        {
            _text.Append($"    {after.Shown.ToName()}{(after.Healthy ? "" : ", unhealthy")}: {after.Reason}\n");
        }

        foreach (var effect in decision.Effects)
        {
            _text.Append("    ").Append(effect switch
            {
                Noted { Entry: var entry } => $"note {entry.What} by {entry.Source}: {entry.Detail}".TrimEnd(' ', ':'),
                StartInstance start => $"start: attempt {start.Attempt} after run {start.Ended}, ticket {start.Ticket}",
                RecreateInstance again => $"recreate: attempt {again.Attempt} after run {again.Ended} from {again.From.Template}, ticket {again.Ticket}",
                FallBack fallback =>
                    $"fall back: attempt {fallback.Attempt} after run {fallback.Ended} {fallback.As}{(fallback.From is null ? "" : ", which is gone")}, ticket {fallback.Ticket}",
                StopInstance stop => $"stop: run {stop.Running}, ticket {stop.Ticket}",
                ResetInstance reset => $"reset: attempt {reset.Attempt}, run {reset.Running}, ticket {reset.Ticket}",
                TellPeople tell => $"tell people, {tell.Kind} ({tell.Reason}): {tell.Detail}",
                Observe { Closely: true } => "observe closely",
                Observe => "observe",
                ProbeNow => "probe",
                _ => throw new FormatException(effect.ToString()),
            }).Append('\n');
        }

        if (decision.Refusal is { } refusal)
        {
            _text.Append($"    refused: {refusal}\n");
        }

        if (decision.Ended is { } ended)
        {
            _text.Append($"    ended {ended.Id} ({ended.Cause}) after {Words.Of(ended.Duration!.Value)} and {ended.Attempts} attempts\n");
        }
    }
}
