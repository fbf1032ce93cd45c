using Sentinel.Testing;

namespace Sentinel.Service.Tests;

/// <summary>The unit under <c>packaging/systemd</c>.</summary>
public sealed class UnitFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sentinel-unit-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [NeedsFact("systemd-analyze")]
    public async Task Systemd_has_nothing_to_say_of_it()
    {
        var outcome = await RunningProgram.RunAsync("systemd-analyze", ["verify", Unit()]);

        // Its status is 0 even for keys that it does not know.
        Assert.Equal((0, "", ""), (outcome.Status, outcome.Output, outcome.Errors));
    }

    [NeedsTheory("systemd-analyze")]
    [InlineData("kernel")]
    [InlineData("native")]
    [InlineData("ssh-sessions")]
    [InlineData("transparent")]
    [InlineData("routes")]
    public async Task Nor_of_what_may_be_added_to_it(string name)
    {
        var unit = Unit();
        Directory.CreateDirectory(unit + ".d");
        File.Copy(Path.Combine(Packaging(), $"sentinel.service.d/{name}.conf"), Path.Combine(unit + ".d", $"{name}.conf"));

        var outcome = await RunningProgram.RunAsync("systemd-analyze", ["verify", unit]);

        Assert.Equal((0, "", ""), (outcome.Status, outcome.Output, outcome.Errors));
    }

    [NeedsFact("systemd-analyze")]
    public async Task It_exposes_little()
    {
        var outcome = await RunningProgram.RunAsync("systemd-analyze", ["security", "--offline=true", "--threshold=20", Unit()]);

        Assert.Equal(0, outcome.Status);
    }

    [Fact]
    public void No_unit_that_holds_keys_leaves_them_in_a_core_dump()
    {
        var units = Directory.GetFiles(Path.Combine(Packaging(), ".."), "*.service", SearchOption.AllDirectories);

        Assert.Contains(units, unit => unit.EndsWith("sentinel.service", StringComparison.Ordinal));
        Assert.All(units, unit => Assert.True(File.ReadAllLines(unit).Contains("LimitCORE=0"), unit));
        Assert.All(
            Directory.GetFiles(Path.Combine(Packaging(), ".."), "*.conf", SearchOption.AllDirectories),
            addition => Assert.DoesNotContain("LimitCORE", File.ReadAllText(addition), StringComparison.Ordinal));
    }

    private static string Packaging()
    {
        var start = new DirectoryInfo(AppContext.BaseDirectory);
        while (start is not null && !File.Exists(Path.Combine(start.FullName, "Sentinel.sln")))
        {
            start = start.Parent;
        }

        Assert.NotNull(start);
        return Path.Combine(start.FullName, "packaging/systemd");
    }

    /// <summary>A copy that starts a program which is there: verify insists on that.</summary>
    private string Unit()
    {
        var unit = File.ReadAllText(Path.Combine(Packaging(), "sentinel.service"));
        Assert.Contains("ExecStart=/usr/local/bin/sentinel run\n", unit, StringComparison.Ordinal);
        var copy = Path.Combine(_folder, "sentinel.service");
        File.WriteAllText(copy, unit.Replace("/usr/local/bin/sentinel", Path.Combine(AppContext.BaseDirectory, "sentinel"), StringComparison.Ordinal));
        return copy;
    }
}
