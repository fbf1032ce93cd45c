using System.Text;

namespace Sentinel.Service.Tests.Configuration;

/// <summary>One configuration that is refused, and every line that <c>sentinel check</c> says about it.</summary>
/// <param name="Text">The file.</param>
/// <param name="Variables">The environment.</param>
/// <param name="Lines">What is expected, in order.</param>
public sealed record RefusedCase(string Title, string Text, IReadOnlyList<(string Name, string Value)> Variables, IReadOnlyList<string> Lines)
{
    /// <summary>
    /// Reads the cases of a text file. A case begins with <c>== TITLE</c>; <c>$NAME=VALUE</c> sets a variable; then comes the
    /// file, or after <c>@listener</c> and the like only what is in it, from line 5 on; then after <c>--</c> the errors.
    /// </summary>
    public static IEnumerable<RefusedCase> Read(string path) =>
        File.ReadAllText(path).Split("\n== ").Skip(1).Select(One);

    private static RefusedCase One(string source)
    {
        var lines = source.Split('\n');
        var end = Array.IndexOf(lines, "--");
        var variables = lines[1..end].TakeWhile(line => line.StartsWith('$')).Select(line => line[1..].Split('=', 2)).Select(pair => (pair[0], pair[1])).ToList();
        var text = new StringBuilder();
        foreach (var line in lines[(1 + variables.Count)..end])
        {
            text.Append(line).Append('\n');
        }

        return new(lines[0].Trim(), Complete(text.ToString()), variables, [.. lines[(end + 1)..].Where(line => line.Length > 0)]);
    }

    private static string Complete(string text)
    {
        const string backends = "  \"backends\": { \"a\": { \"address\": \"10.0.0.1\" }, \"b\": { \"address\": \"10.0.0.2\" } },\n";
        const string pools = "  \"pools\": { \"web\": { \"backends\": [\"a\", \"b\"] } },\n";
        const string listeners = "  \"listeners\": { \"in\": { \"bind\": [\"127.0.0.1:80\"], \"protocol\": \"tcp\", \"pool\": \"web\", \"port\": 22 } },\n";
        var body = text[(text.IndexOf('\n', StringComparison.Ordinal) + 1)..];
        return text.Split('\n')[0] switch
        {
            "@top" => "{\n" + backends + pools + listeners + body + "}\n",
            "@backend" => "{\n" + pools + listeners + "  \"backends\": { \"b\": { \"address\": \"10.0.0.2\" }, \"a\": {\n" + body + "} } }\n",
            "@pool" => "{\n" + backends + listeners + "  \"pools\": { \"web\": {\n" + body + "} } }\n",
            "@listener" => "{\n" + backends + pools + "  \"listeners\": { \"in\": {\n" + body + "} } }\n",
            _ => text,
        };
    }
}
