using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Values;

/// <summary>A program to run.</summary>
internal static class ProgramFile
{
    /// <summary>As an error asks for it.</summary>
    public const string Expected = "the absolute path of a program, or a name that is found on PATH";

    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>The program's absolute path: what runs does not depend on where the daemon looks later.</summary>
    public static Parsed<string> Parse(string text, ConfigurationEnvironment environment)
    {
        if (text.AsSpan().ContainsAny('/', Path.DirectorySeparatorChar) || text.Length == 0 || text.Contains('\0', StringComparison.Ordinal))
        {
            return !Path.IsPathFullyQualified(text) ? Refusal.Plain
                : IsProgram(text) ? text
                : new Refusal(Found: $"{ScalarNode.Quote(text)}, which {LocalPath.Obstacle(text, isDirectory: false) ?? "is not executable"}");
        }

        var path = environment.Get("PATH") ?? "";
        return path.Split(Path.PathSeparator)
            .Where(Path.IsPathFullyQualified)
            .SelectMany(folder => Spellings(Path.Combine(folder, text)))
            .FirstOrDefault(IsProgram) is { } found ? found
            : new Refusal(Found: $"{ScalarNode.Quote(text)}, which is not on PATH ({path})");
    }

    private static IEnumerable<string> Spellings(string path) => OperatingSystem.IsWindows() ? [path, path + ".exe"] : [path];

    private static bool IsProgram(string path)
    {
        try
        {
            return File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & Executable) != 0);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // it went away in between
            return false;
        }
    }
}
