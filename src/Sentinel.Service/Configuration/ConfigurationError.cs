namespace Sentinel.Service.Configuration;

/// <summary>Where a value was written.</summary>
/// <param name="Line">Line of the file, from 1; zero for a variable or for the file as a whole.</param>
/// <param name="Column">Character of the line, from 1.</param>
/// <param name="Variable">The environment variable; null for the file.</param>
internal readonly record struct ConfigurationPlace(int Line, int Column, string? Variable = null);

/// <summary>One thing that is wrong with a configuration, told so that it can be put right.</summary>
/// <param name="Path">Path in the file, such as <c>listeners.ssh.pool</c>; empty for the file as a whole.</param>
/// <param name="Place">Where the value was written; for a missing key, where its object begins.</param>
/// <param name="Found">What was found there. Never a secret.</param>
/// <param name="Expected">What should have been there.</param>
internal sealed record ConfigurationError(string Path, ConfigurationPlace Place, string Found, string Expected)
{
    /// <summary>The sentence without its place.</summary>
    public string Message => OnOneLine($"found {Found}, expected {Expected}");

    /// <summary>One line: the place, the path, the sentence.</summary>
    /// <param name="file">The file, as the user knows it.</param>
    public string ToText(string file)
    {
        var place = Place switch
        {
            { Variable: { } variable } => variable,
            { Line: > 0 } => $"{file}:{Place.Line}:{Place.Column}",
            _ => file,
        };
        return Path.Length == 0 ? $"{place}: {Message}" : $"{place}: {OnOneLine(Path)}: {Message}";
    }

    /// <summary>Names come from the file: none may break the line, or steer the terminal that shows it.</summary>
    private static string OnOneLine(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? $"\\u{(int)c:X4}" : c.ToString())) : text;
}
