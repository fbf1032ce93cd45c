namespace Sentinel.Recovery.Tests.Outages;

/// <summary>Each file under Scenarios/ is an outage written down event by event.</summary>
public sealed class ScenarioTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Scenarios");

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)!).Order()];

    [Theory]
    [MemberData(nameof(Names))]
    public void Unfolds_as_written(string name)
    {
        var written = File.ReadAllText(Path.Combine(Folder, name + ".txt"));
        var replayed = Transcript.Replay(written);
        if (Environment.GetEnvironmentVariable("SCENARIOS_TO") is { Length: > 0 } folder)
        {
            File.WriteAllText(Path.Combine(folder, name + ".txt"), replayed);
        }

        Assert.Equal(written, replayed);
    }
}
