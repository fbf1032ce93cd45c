using Sentinel.Jump.Sessions;
using Sentinel.Testing;

namespace Sentinel.Jump.Tests.Sessions;

public sealed class LogFollowerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-log-").FullName;

    private string Log => Path.Combine(_folder, "log");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Lines_come_whole_and_once()
    {
        using var follower = new LogFollower(Log);
        Assert.Empty(follower.Read());

        File.AppendAllText(Log, "one\r\ntw");
        Assert.Equal(["one"], follower.Read());
        Assert.Empty(follower.Read());
        File.AppendAllText(Log, "o\nthree\n");
        Assert.Equal(["two", "three"], follower.Read());
    }

    [Fact]
    public void A_log_that_is_emptied_is_read_anew()
    {
        using var follower = new LogFollower(Log);
        File.AppendAllText(Log, "the first and longest\n");
        follower.Read();

        File.WriteAllText(Log, "next\n");
        Assert.Equal(["next"], follower.Read());
    }

    [Fact]
    public void A_log_that_is_replaced_is_read_to_its_end_and_then_the_new_one()
    {
        using var follower = new LogFollower(Log);
        File.AppendAllText(Log, "one\n");
        follower.Read();

        File.Move(Log, Log + ".1");
        File.AppendAllText(Log + ".1", "two\n");
        Assert.Equal(["two"], follower.Read());
        Assert.Empty(follower.Read());
        File.AppendAllText(Log, "three\n");
        Assert.Equal(["three"], follower.Read());
    }

    [Fact]
    public void Garbage_without_an_end_is_skipped_and_what_follows_is_not()
    {
        using var follower = new LogFollower(Log);
        File.AppendAllText(Log, new string('x', 300_000));
        for (var i = 0; i < 10; i++)
        {
            Assert.Empty(follower.Read());
        }

        File.AppendAllText(Log, "\ngood\n");
        Assert.Equal(["good"], follower.Read());
    }

    [NeedsFact("linux")]
    public void What_was_read_is_given_back_and_only_what_is_needed_is_there_for_the_next()
    {
        var line = new string('y', 1000);
        using (var follower = new LogFollower(Log))
        {
            File.WriteAllLines(Log, Enumerable.Repeat(line, 2000));
            while (follower.Read().Count > 0)
            {
            }

            Assert.True(follower.Kept > 2_000_000);
            Assert.True(follower.Forget(["needed"]));
            Assert.Equal(0, follower.Kept);
            Assert.Equal(["needed"], follower.Read());
        }

        File.AppendAllText(Log, "new\n");
        using var next = new LogFollower(Log);
        var lines = next.Read();
        Assert.Equal(["needed", "new"], lines.Skip(Math.Max(0, lines.Count - 2)));
        Assert.True(lines.Count < 8, $"{lines.Count} lines are still there");
    }
}
