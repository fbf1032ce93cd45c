using System.Text.RegularExpressions;

namespace Sentinel.House.Tests;

/// <summary>Habits that no analyser checks.</summary>
public sealed partial class SourceTests
{
    private const int LongestFile = 400;

    private static readonly Dictionary<string, (int First, int Last)> EventIds = new()
    {
        ["Sentinel.Forwarding"] = (1000, 1999),
        ["Sentinel.Recovery"] = (2000, 2999),
        ["Sentinel.Certificates"] = (3000, 3999),
        ["Sentinel.Jump"] = (4000, 4999),
        ["Sentinel.Coordination"] = (5000, 5999),
        ["Sentinel.Service"] = (6000, 6999),
    };

    [Fact]
    public void Event_ids_are_unique_and_belong_to_their_room()
    {
        var events = Events().ToArray();

        Assert.NotEmpty(events);
        Assert.Empty(events.GroupBy(e => e.Id).Where(group => group.Count() > 1).Select(group => string.Join(", ", group)));
        Assert.All(events, e => Assert.InRange(e.Id, EventIds[e.Room].First, EventIds[e.Room].Last));
    }

    [Fact]
    public void Event_names_are_dotted_and_mean_one_thing()
    {
        var events = Events().ToArray();

        Assert.All(events, e => Assert.Matches(@"^[a-z]+(-[a-z]+)*(\.[a-z]+([-_][a-z]+)*)+$", e.Name));
        Assert.Empty(events.GroupBy(e => e.Name).Where(group => group.Count() > 1).Select(group => string.Join(", ", group)));
    }

    [Fact]
    public void Deciding_about_outages_touches_no_clock_task_logger_or_device()
    {
        var offenders =
            from file in Repository.Files("src/Sentinel.Recovery/Outages", "*.cs")
            let text = Repository.Read(file)
            from word in new[] { "System.IO", "File.", "Directory.", "System.Net", "Task", "ILogger", "TimeProvider", "Random", "Thread", "Environment." }
            where Regex.IsMatch(text, $@"(?<![\w.]){Regex.Escape(word)}")
            select $"{file}: {word}";

        Assert.Empty(offenders);
    }

    [Fact]
    public void No_file_is_two_things() =>
        Assert.DoesNotContain(Repository.Sources, file => Repository.Read(file).AsSpan().Count('\n') > LongestFile);

    [Fact]
    public void No_type_is_called_a_manager_or_a_helper() =>
        Assert.DoesNotContain(Repository.Sources, file => VagueType().IsMatch(Repository.Read(file)));

    private static IEnumerable<(string Room, int Id, string Name)> Events() =>
        from file in Repository.Sources
        from Match match in LoggerMessage().Matches(Repository.Read(file))
        select (file.Split('/')[1], int.Parse(match.Groups["id"].Value), EventName().Match(match.Value).Groups["name"].Value);

    [GeneratedRegex(@"\[LoggerMessage\(\s*(EventId\s*=\s*)?(?<id>\d+)[^\]]*\]")]
    private static partial Regex LoggerMessage();

    [GeneratedRegex("EventName\\s*=\\s*\"(?<name>[^\"]*)\"")]
    private static partial Regex EventName();

    [GeneratedRegex(@"\b(class|struct|record|interface)\s+\w*(Manager|Helper|Utils?|Utilities|Common|Processor)\b")]
    private static partial Regex VagueType();
}
