using System.Collections.Immutable;
using System.Diagnostics;
using Sentinel.Backends;
using Sentinel.Recovery.Outages;
using Sentinel.Recovery.Recording;
using Sentinel.Testing;

namespace Sentinel.Recovery.Tests.Recording;

public sealed class OutageLogTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 11, 22, 10, 15, 0, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("outages-").FullName;
    private readonly CollectedLog _lines = new();
    private readonly ManualTimeProvider _time = new();

    public void Dispose()
    {
        _lines.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task What_is_written_is_read_again_word_for_word()
    {
        var outage = Outage(0) with
        {
            Cause = OutageCause.HostError,
            Attempts = 3,
            Unanswered = true,
            NextAttempt = Start.AddSeconds(9.123),
            Ended = new Incarnation(77),
            Released = true,
            SlowTold = true,
            StoppedAt = Start.AddSeconds(-1),
            RequestedAt = Start.AddSeconds(1),
            RunningAt = Start.AddSeconds(2),
            PassedAt = Start.AddSeconds(3),
            Preemptions = 2,
            PreemptedAt = Start.AddSeconds(-1),
            Omitted = 4,
        };
        await Log().WriteAsync(OutageRecord.Of(new("spot-1"), "process/spot-1", outage));

        var read = Loaded().List()[0].ToOutage();

        Assert.Equal(outage with { Timeline = [] }, read with { Timeline = [] });
        Assert.Equal(outage.Timeline, read.Timeline);
    }

    [Fact]
    public async Task A_file_is_readable_json_for_its_owner_alone()
    {
        await Log().WriteAsync(Record(0, lasts: 71.4));

        var path = Path.Combine(_folder, "20261122T101500Z-spot-1.json");
        var text = await File.ReadAllTextAsync(path);
        Assert.Contains("\"what\": \"start_requested\"", text, StringComparison.Ordinal);
        Assert.Contains("\"cause\": \"preempted\"", text, StringComparison.Ordinal);
        Assert.Contains("\"totalSeconds\": 71.4", text, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(_folder));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        }
    }

    [Theory]
    [InlineData("20261122T101500Z-torn.json", "{\"id\":\"20261122T101500Z-torn\",\"backe")]
    [InlineData("20261122T101500Z-empty.json", "")]
    [InlineData("20261122T101500Z-other.json", "{\"id\":\"another\",\"backend\":\"x\",\"cause\":\"preempted\",\"openedAt\":\"2026-11-22T10:15:00Z\"}")]
    [InlineData("20261122T101500Z-newer.json", "{\"id\":\"20261122T101500Z-newer\",\"backend\":\"x\",\"cause\":\"abducted\",\"openedAt\":\"2026-11-22T10:15:00Z\"}")]
    [InlineData("notes.json", "[1, 2, 3]")]
    public async Task A_file_that_is_torn_or_foreign_is_told_once_and_left_alone(string name, string text)
    {
        await Log().WriteAsync(Record(0));
        await File.WriteAllTextAsync(Path.Combine(_folder, name), text);

        var log = Loaded();

        Assert.Single(log.List());
        Assert.Single(_lines.Lines, line => line.Event == "records.file.unreadable" && line.Text.Contains(name, StringComparison.Ordinal));
        Assert.Equal(text, await File.ReadAllTextAsync(Path.Combine(_folder, name)));
    }

    [Fact]
    public async Task What_a_crash_left_half_written_is_cleared_away()
    {
        await Log().WriteAsync(Record(0));
        await File.WriteAllTextAsync(Path.Combine(_folder, "20261122T101500Z-spot-1.json.tmp"), "{\"id\":");

        Loaded();

        Assert.Single(Directory.GetFiles(_folder));
        Assert.Empty(_lines.Lines);
    }

    [Fact]
    public async Task Only_so_many_are_kept_and_never_is_an_open_one_forgotten()
    {
        var log = Log();
        await log.WriteAsync(Record(0, lasts: null));
        for (var i = 1; i <= OutageLog.Kept + 5; i++)
        {
            await log.WriteAsync(Record(i));
        }

        Assert.Equal(OutageLog.Kept, Directory.GetFiles(_folder).Length);
        Assert.Equal(OutageLog.Kept, log.List(int.MaxValue).Count);
        Assert.NotNull(log.Find(Record(0).Id));
        Assert.Null(log.Find(Record(1).Id));
        Assert.NotNull(log.Find(Record(7).Id));
    }

    [Fact]
    public async Task The_newest_come_first_and_a_backend_has_its_own_history()
    {
        var log = Log();
        foreach (var (at, lasts) in new (int, double?)[] { (0, 10), (100, 90), (200, 30), (300, null) })
        {
            await log.WriteAsync(Record(at, lasts));
        }

        await log.WriteAsync(Record(50, 1000, backend: "spot-2"));
        await log.WriteAsync(Record(250, 5000) with { Cause = OutageCause.User, Preemptions = 0, PreemptedAt = null });

        Assert.Equal([Record(300).Id, Record(250).Id], log.List(2).Select(record => record.Id));
        var history = log.HistoryOf(new("spot-1"));
        Assert.Equal(4, history.Preemptions);
        Assert.Equal(Start.AddSeconds(300), history.LastPreemption);
        Assert.Equal(Record(300).Id, history.Open!.Id);
        Assert.Equal(TimeSpan.FromSeconds(5000), history.LastOutage);
        Assert.Equal(TimeSpan.FromSeconds(30), history.TypicalOutage);

        await log.WriteAsync(Record(400, 40));
        Assert.Equal(TimeSpan.FromSeconds(35), log.HistoryOf(new("spot-1")).TypicalOutage);
        Assert.Equal(new OutageHistory(0, null, null, null, null), log.HistoryOf(new("unheard-of")));
    }

    [Theory]
    [InlineData("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd")]
    [InlineData("a b/ü", "a%20b%2F%C3%BC")]
    [InlineData("spot-1.eu_west", "spot-1.eu_west")]
    [InlineData(".", "%2E")]
    public void No_name_leads_out_of_the_directory(string name, string expected)
    {
        Assert.Equal(expected, FileName.Of(name));
        Assert.Equal(name, Uri.UnescapeDataString(FileName.Of(name)));
    }

    [Fact]
    public async Task Trouble_is_told_at_a_bounded_rate_and_ends_when_it_is_over()
    {
        Directory.Delete(_folder);
        await File.WriteAllTextAsync(_folder, "in the way");
        var log = Log();
        for (var i = 0; i < 50; i++)
        {
            await log.WriteAsync(Record(i));
        }

        Assert.NotNull(log.Trouble);
        Assert.Single(_lines.Events);
        _time.Advance(TimeSpan.FromMinutes(2));
        await log.RetryAsync();
        Assert.Equal(2, _lines.Lines.Length);
        Assert.Contains("50 outage records", _lines.Lines[1].Text, StringComparison.Ordinal);

        File.Delete(_folder);
        await log.RetryAsync();
        Assert.Null(log.Trouble);
        Assert.Equal("records.writable", _lines.Lines[^1].Event);
        Assert.Equal(50, Directory.GetFiles(_folder).Length);
    }

    [NeedsFact("root", "mount", "umount")]
    public async Task A_full_disk_leaves_old_records_whole_and_takes_new_ones_once_there_is_room()
    {
        await Run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", _folder);
        try
        {
            var log = Log();
            await log.WriteAsync(Record(0, lasts: null));
            await Run("sh", "-c", $"dd if=/dev/zero of={_folder}/filler bs=1k count=200 2>/dev/null; true");

            var late = Record(0, lasts: null) with { Timeline = [.. Enumerable.Range(0, 200).Select(i => new OutageEntry(Start, OutageMark.Refused, OutageSource.Cloud, new string('x', 100)))] };
            await log.WriteAsync(late);

            Assert.NotNull(log.Trouble);
            Assert.Equal(2, Loaded().List()[0].Timeline.Count);
            Assert.Equal(200, log.List()[0].Timeline.Count);
            File.Delete(Path.Combine(_folder, "filler"));
            await log.RetryAsync();
            Assert.Null(log.Trouble);
            Assert.Equal(200, Loaded().List()[0].Timeline.Count);
        }
        finally
        {
            await Run("umount", _folder);
        }

        static async Task Run(string program, params string[] arguments)
        {
            using var process = Process.Start(Needs.Find(program)!, arguments);
            await process.WaitForExitAsync();
            Assert.Equal(0, process.ExitCode);
        }
    }

    [Fact]
    public async Task Many_at_once_are_all_written()
    {
        var log = Log();
        await Task.WhenAll(Enumerable.Range(0, 300).Select(i => log.WriteAsync(Record(i % 100, i))));

        Assert.Equal(100, Loaded().List(int.MaxValue).Count);
        Assert.Equal(log.List(int.MaxValue).Select(record => record.Duration), Loaded().List(int.MaxValue).Select(record => record.Duration));
    }

    private OutageLog Log() => new(_folder, _time, _lines);

    private OutageLog Loaded()
    {
        var log = Log();
        log.Load();
        return log;
    }

    private static Outage Outage(int at, double? lasts = null, string backend = "spot-1") => new()
    {
        Id = $"{Start.AddSeconds(at):yyyyMMdd'T'HHmmss'Z'}-{backend}",
        OpenedAt = Start.AddSeconds(at),
        ClosedAt = lasts is { } seconds ? Start.AddSeconds(at + seconds) : null,
        Cause = OutageCause.Preempted,
        Preemptions = 1,
        PreemptedAt = Start.AddSeconds(at),
        Timeline = ImmutableList.Create(
            new OutageEntry(Start, OutageMark.Opened, OutageSource.Cloud, "preempted"), new OutageEntry(Start, OutageMark.StartRequested, OutageSource.Sentinel, "attempt 1")),
    };

    private static OutageRecord Record(int at, double? lasts = 1, string backend = "spot-1") => OutageRecord.Of(new BackendId(backend), null, Outage(at, lasts, backend));
}
