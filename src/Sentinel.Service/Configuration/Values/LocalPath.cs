using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Values;

/// <summary>Paths on this machine. They are absolute, since a daemon has no folder that its user would think of.</summary>
internal static class LocalPath
{
    /// <summary>An absolute path that need not exist.</summary>
    public static Parsed<string> Parse(string text, ConfigurationEnvironment environment) =>
        Path.IsPathFullyQualified(text) && !text.Contains('\0', StringComparison.Ordinal) ? text : Refusal.Plain;

    /// <summary>A file that is there.</summary>
    public static Parsed<string> ParseFile(string text, ConfigurationEnvironment environment) => ParseExisting(text, environment, isDirectory: false);

    /// <summary>A directory that is there.</summary>
    public static Parsed<string> ParseDirectory(string text, ConfigurationEnvironment environment) => ParseExisting(text, environment, isDirectory: true);

    /// <summary>What keeps a path from being a file, or a directory, as the end of a sentence; null if it is one.</summary>
    public static string? Obstacle(string path, bool isDirectory)
    {
        try
        {
            return File.GetAttributes(path).HasFlag(FileAttributes.Directory) == isDirectory ? null : isDirectory ? "is no directory" : "is a directory";
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return problem is FileNotFoundException or DirectoryNotFoundException ? "does not exist" : "this user cannot reach";
        }
    }

    private static Parsed<string> ParseExisting(string text, ConfigurationEnvironment environment, bool isDirectory) =>
        Parse(text, environment).Refusal is { } refusal ? refusal
        : Obstacle(text, isDirectory) is { } obstacle ? new Refusal(Found: $"{ScalarNode.Quote(text)}, which {obstacle}")
        : text;
}
