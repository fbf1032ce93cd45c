namespace Sentinel.Service.Tests.Configuration;

/// <summary>Wrong files of every kind, each with all that is said about it: see <c>Refused/*.txt</c>.</summary>
public sealed class RefusedTests(Files files) : IClassFixture<Files>
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Configuration", "Refused");

    public static TheoryData<string, string> Titles()
    {
        var titles = new TheoryData<string, string>();
        foreach (var path in Directory.GetFiles(Folder, "*.txt").Order(StringComparer.Ordinal))
        {
            foreach (var refused in RefusedCase.Read(path))
            {
                titles.Add(Path.GetFileName(path), refused.Title);
            }
        }

        return titles;
    }

    [Theory]
    [MemberData(nameof(Titles))]
    public void Every_error_is_told_with_its_place(string file, string title)
    {
        var refused = RefusedCase.Read(Path.Combine(Folder, file)).Single(refused => refused.Title == title);
        var result = files.Parse(
            refused.Text.Replace("{dir}", files.Folder, StringComparison.Ordinal),
            [.. refused.Variables.Select(variable => (variable.Name, variable.Value.Replace("{dir}", files.Folder, StringComparison.Ordinal)))]);
        var lines = result.Lines.Select(line => line.Replace(files.Folder, "{dir}", StringComparison.Ordinal));
        Assert.Equal(string.Join('\n', refused.Lines), string.Join('\n', lines));
        Assert.DoesNotContain(Files.Token, string.Join('\n', result.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public void There_are_enough_of_them() => Assert.True(Titles().Count >= 60);
}
