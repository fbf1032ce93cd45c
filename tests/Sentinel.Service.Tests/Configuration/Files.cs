using System.Text;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Tests.Configuration;

/// <summary>A folder with what configurations refer to: secrets of every kind, a program, a page. Removed at the end.</summary>
public sealed class Files : IDisposable
{
    public const string Token = "0123456789abcdef0123456789abcdef";

    public Files()
    {
        Folder = Directory.CreateTempSubdirectory("sentinel-configuration-").FullName;
        Write("token", Token + "\n", UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Write("token-open", Token, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        Write("token-group", Token, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Write("token-short", "hunter2\n", UnixFileMode.UserRead);
        Write("token-odd", "correct horse battery staple", UnixFileMode.UserRead);
        Write("token-long", new string('x', 70_000), UnixFileMode.UserRead);
        Write("page.html", "<p>back soon</p>", UnixFileMode.UserRead);
        Write("bin/python3", "#!/bin/sh\n", UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Write("credentials/token", Token, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Write("credentials/token-open", Token, UnixFileMode.UserRead | UnixFileMode.OtherRead);
    }

    public string Folder { get; }

    public string this[string name] => Path.Combine(Folder, name);

    /// <summary>A machine called <c>front-1</c>, whose PATH holds python3 alone.</summary>
    internal ConfigurationEnvironment Environment(params (string Name, string Value)[] variables) => new()
    {
        HostName = "front-1",
        Variables = variables.Prepend(("PATH", this["bin"])).GroupBy(variable => variable.Item1).ToDictionary(group => group.Key, group => group.Last().Item2),
    };

    internal ConfigurationResult Parse(string text, params (string Name, string Value)[] variables) =>
        ConfigurationSource.Parse("file", Encoding.UTF8.GetBytes(text), Environment(variables));

    internal SentinelConfiguration Good(string text, params (string Name, string Value)[] variables)
    {
        var result = Parse(text, variables);
        Assert.True(result.IsGood, string.Join('\n', result.Lines));
        return result.Configuration;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private void Write(string name, string content, UnixFileMode mode)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllText(this[name], content);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(this[name], mode);
        }
    }
}
