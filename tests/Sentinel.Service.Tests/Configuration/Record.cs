namespace Sentinel.Service.Tests.Configuration;
public sealed class Record(Files files) : IClassFixture<Files>
{
    [Fact]
    public void All()
    {
        foreach (var path in Directory.GetFiles("/work/wt/config/tests/Sentinel.Service.Tests/Configuration/Refused", "*.txt"))
        {
            var blocks = File.ReadAllText(path).Split("\n== ");
            var cases = RefusedCase.Read(path).ToList();
            for (var i = 0; i < cases.Count; i++)
            {
                var r = cases[i];
                var result = files.Parse(r.Text.Replace("{dir}", files.Folder), [.. r.Variables.Select(v => (v.Name, v.Value.Replace("{dir}", files.Folder)))]);
                var head = blocks[i + 1][..(blocks[i + 1].IndexOf("\n--\n", StringComparison.Ordinal) is >= 0 and var at ? at : blocks[i + 1].IndexOf("\n--", StringComparison.Ordinal))];
                blocks[i + 1] = head + "\n--\n" + string.Concat(result.Lines.Select(l => l.Replace(files.Folder, "{dir}") + "\n"));
            }
            File.WriteAllText(path, string.Join("\n== ", blocks));
        }
    }
}
