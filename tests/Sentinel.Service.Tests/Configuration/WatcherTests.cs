using Sentinel.Backends.Progress;
using Sentinel.Service.Configuration;
using Sentinel.Testing;

namespace Sentinel.Service.Tests.Configuration;

/// <summary>A changed file is noticed, however it was changed.</summary>
public sealed class WatcherTests : IDisposable
{
    private readonly Files _files = new();
    private readonly ManualTimeProvider _time = new();
    private readonly ConfigurationSource _source;
    private readonly LoopRegistry _loops;
    private ConfigurationWatcher? _watcher;
    private int _changes;

    public WatcherTests()
    {
        _source = new(_files["sentinel.json"], _files.Environment());
        _loops = new(_time);
    }

    [Fact]
    public void Nothing_changes_while_the_content_stays()
    {
        Start("one");
        File.SetLastWriteTimeUtc(_source.File, new(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Look(5);
        Assert.Equal(0, _changes);
    }

    [Fact]
    public void A_file_that_is_written_over_is_noticed_once()
    {
        Start("one");
        File.WriteAllText(_source.File, "two");
        Look(5);
        Assert.Equal(1, _changes);
    }

    [Fact]
    public void A_change_of_one_byte_with_size_and_time_kept_is_noticed()
    {
        Start("one");
        var written = File.GetLastWriteTimeUtc(_source.File);
        File.WriteAllText(_source.File, "onf");
        File.SetLastWriteTimeUtc(_source.File, written);
        Look(5);
        Assert.Equal(1, _changes);
    }

    [Fact]
    public void A_file_that_is_renamed_over_it_is_noticed()
    {
        Start("one");
        File.WriteAllText(_source.File + "~", "two");
        File.Move(_source.File + "~", _source.File, overwrite: true);
        Look(5);
        Assert.Equal(1, _changes);
    }

    [NeedsFact("linux")]
    public void A_link_that_is_turned_elsewhere_is_noticed()
    {
        // as Kubernetes does it: the file links through a directory that is swapped as a whole
        Directory.CreateDirectory(_files["v1"]);
        Directory.CreateDirectory(_files["v2"]);
        File.WriteAllText(_files["v1/sentinel.json"], "one");
        File.WriteAllText(_files["v2/sentinel.json"], "two");
        File.CreateSymbolicLink(_files["data"], "v1");
        File.CreateSymbolicLink(_source.File, "data/sentinel.json");
        Start(null);
        File.Delete(_files["data"]);
        File.CreateSymbolicLink(_files["data"], "v2");
        Look(5);
        Assert.Equal(1, _changes);
    }

    [Fact]
    public void A_file_that_is_deleted_and_comes_back_is_noticed_twice()
    {
        Start("one");
        File.Delete(_source.File);
        Look(5);
        Assert.Equal(1, _changes);
        _source.Read();
        Look(5);
        File.WriteAllText(_source.File, "one");
        Look(5);
        Assert.Equal(2, _changes);
    }

    [Fact]
    public void A_file_that_is_away_for_a_moment_is_not_noticed()
    {
        Start("one");
        File.Delete(_source.File);
        Look(1);
        File.WriteAllText(_source.File, "one");
        Look(5);
        Assert.Equal(0, _changes);
    }

    [Fact]
    public void A_file_that_is_still_being_written_is_waited_for()
    {
        Start("one");
        foreach (var part in new[] { "t", "tw", "two", "two " })
        {
            File.WriteAllText(_source.File, part);
            Look(1);
        }

        Assert.Equal(0, _changes);
        Look(1);
        Assert.Equal(1, _changes);
    }

    [Fact]
    public void What_was_read_in_the_meantime_is_not_told_again()
    {
        Start("one");
        File.WriteAllText(_source.File, "two");
        _source.Read();
        Look(5);
        Assert.Equal(0, _changes);
    }

    [Fact]
    public void There_and_back_is_told_as_often_as_it_is_read()
    {
        Start("one");
        foreach (var (index, text) in new[] { "two", "one", "two" }.Index())
        {
            File.WriteAllText(_source.File, text);
            Look(3);
            Assert.Equal(index + 1, _changes);
            _source.Read();
        }
    }

    [Fact]
    public async Task The_loop_looks_by_itself_and_is_watched()
    {
        Start("one");
        using var stop = new CancellationTokenSource();
        var changes = 0;
        var loop = _watcher!.RunAsync(() => changes++, stop.Token);
        File.WriteAllText(_source.File, "two");
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(ConfigurationWatcher.Interval);
            return changes == 1;
        });
        Assert.Empty(_loops.Stuck());
        _time.Stall(TimeSpan.FromMinutes(1));
        Assert.Equal(["configuration.watcher"], _loops.Stuck());

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loop);
        Assert.Empty(_loops.Stuck());
    }

    public void Dispose() => _files.Dispose();

    private void Start(string? text)
    {
        if (text is not null)
        {
            File.WriteAllText(_source.File, text);
        }

        _source.Read();
        _watcher = new(_source, _time, _loops);
    }

    private void Look(int times)
    {
        for (var i = 0; i < times; i++)
        {
            _changes += _watcher!.HasChanged() ? 1 : 0;
        }
    }
}
