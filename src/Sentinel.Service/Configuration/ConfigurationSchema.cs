namespace Sentinel.Service.Configuration;

/// <summary>The file's JSON Schema (draft 2020-12), for editors.</summary>
internal static class ConfigurationSchema
{
    /// <summary>Indented, ends with a newline.</summary>
    public static string ToText() => "{}\n";
}
