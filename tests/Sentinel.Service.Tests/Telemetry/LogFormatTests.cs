using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Sentinel.Service.Telemetry.Logging;
using Sentinel.Testing;

namespace Sentinel.Service.Tests.Telemetry;

public sealed partial class LogFormatTests
{
    private readonly ManualTimeProvider _time = new();

    [Fact]
    public void Json_carries_the_event_and_its_fields()
    {
        var text = Written(new JsonLogFormat(withPriority: false), "Sentinel.Recovery.Outages", logger =>
            Preempted(logger, "spot-1", TimeSpan.FromMilliseconds(1532)));

        Assert.Equal(
            """{"ts":"2026-01-01T00:00:00.000Z","level":"warning","event":"backend.preempted","id":2001,"msg":"spot-1 was preempted; noticed after 00:00:01.5320000.","backend":"spot-1","lag":1.532}""" + "\n",
            text);
    }

    [Fact]
    public void Json_keeps_what_was_thrown_on_the_same_line()
    {
        var text = Written(new JsonLogFormat(withPriority: false), "Sentinel.Forwarding", logger =>
            logger.LogError(new InvalidOperationException("two\nlines", new IOException("inner")), "Broke\nhere."));

        var line = Assert.Single(text.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        using var json = JsonDocument.Parse(line);
        var error = json.RootElement.GetProperty("error");
        Assert.Equal("Broke\nhere.", json.RootElement.GetProperty("msg").GetString());
        Assert.Equal("System.InvalidOperationException", error.GetProperty("type").GetString());
        Assert.Equal("two\nlines", error.GetProperty("message").GetString());
        Assert.Contains("System.IO.IOException: inner", error.GetProperty("stack").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Json_writes_each_kind_of_value_as_its_own_and_renames_what_would_clash()
    {
        var text = Written(new JsonLogFormat(withPriority: false), "Sentinel.X", logger => logger.Log(
            LogLevel.Information, new EventId(6999, "x.y"),
            new List<KeyValuePair<string, object?>>
            {
                new("Id", 5), new("Msg", null), new("Flag", true), new("Ratio", 0.25), new("Nan", double.NaN),
                new("Names", new[] { "a", "b\u0001" }), new("Kind", ConsoleKey.UpArrow), new("At", DateTimeOffset.UnixEpoch),
                new("Lone", "\ud800"), new("{OriginalFormat}", "never"),
            },
            null, (_, _) => "m"));

        Assert.EndsWith(
            "\"msg\":\"m\",\"id_\":5,\"msg_\":null,\"flag\":true,\"ratio\":0.25,\"nan\":\"NaN\",\"names\":[\"a\",\"b\\u0001\"],\"kind\":\"up_arrow\",\"at\":\"1970-01-01T00:00:00.000Z\",\"lone\":\"\\uFFFD\"}\n",
            text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_librarys_event_is_called_after_its_category()
    {
        var text = Written(new JsonLogFormat(withPriority: false), "Microsoft.AspNetCore.Server.Kestrel", logger =>
            logger.Log(LogLevel.Warning, new EventId(20, "ConnectionReset"), "Reset."));

        Assert.Contains("\"event\":\"microsoft.aspnetcore.server.kestrel.connection_reset\",\"id\":20,", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Libraries_say_less_than_we_do()
    {
        var format = new JsonLogFormat(withPriority: false);

        Assert.Empty(Written(format, "Yarp.ReverseProxy", logger => logger.LogInformation("Proxying.")));
        Assert.NotEmpty(Written(format, "Sentinel.Forwarding", logger => logger.LogInformation("Accepting.")));
        Assert.Empty(Written(format, "Sentinel.Forwarding", logger => logger.LogDebug("Detail.")));
    }

    [Fact]
    public void The_journal_gets_each_lines_priority()
    {
        Assert.StartsWith("<4>{\"ts\"", Written(new JsonLogFormat(withPriority: true), "Sentinel.X", logger => logger.LogWarning("Odd.")), StringComparison.Ordinal);

        var text = Written(new TextLogFormat(withPriority: true, withColour: false), "Sentinel.X", logger => logger.LogError(new IOException("Broken."), "Bad."));
        Assert.All(text.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith("<3>", line, StringComparison.Ordinal));
    }

    [Fact]
    public void Text_is_for_people()
    {
        var text = Written(new TextLogFormat(withPriority: false, withColour: false), "Sentinel.X", logger => Preempted(logger, "spot-1", TimeSpan.FromSeconds(1)));

        Assert.Equal("2026-01-01 00:00:00.000Z warning  backend.preempted         spot-1 was preempted; noticed after 00:00:01.\n", text);
    }

    [Fact]
    public void Text_lets_nobody_forge_a_line_or_command_the_terminal()
    {
        var text = Written(new TextLogFormat(withPriority: false, withColour: false), "Sentinel.X", logger => logger.LogWarning("from {Who}", "a\r\nb\e[2Jc\u009bd"));

        Assert.EndsWith("from a  b [2Jc d\n", text, StringComparison.Ordinal);
    }

    private string Written(ILogFormat format, string category, Action<ILogger> log)
    {
        using var output = new MemoryStream();
        using (var provider = new SentinelLoggerProvider(output, format, _time))
        {
            log(provider.CreateLogger(category));
            provider.Flush();
        }

        return Encoding.UTF8.GetString(output.ToArray());
    }

    [LoggerMessage(2001, LogLevel.Warning, "{Backend} was preempted; noticed after {Lag}.", EventName = "backend.preempted")]
    private static partial void Preempted(ILogger logger, string backend, TimeSpan lag);
}
