using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sentinel.Service.Configuration.Description;

namespace Sentinel.Service.Configuration;

/// <summary>The file's JSON Schema (draft 2020-12), for editors. It comes from the same description that reads the file.</summary>
internal static class ConfigurationSchema
{
    private static readonly JsonSerializerOptions Layout = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    /// <summary>Indented, ends with a newline.</summary>
    public static string ToText()
    {
        var file = new SentinelShape().ToSchema();
        var schema = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "Sentinel configuration",

            // not of the standard: editors built on VS Code's language service read them
            ["allowComments"] = true,
            ["allowTrailingCommas"] = true,
        };
        foreach (var (name, value) in file.ToList())
        {
            file.Remove(name);
            schema.Add(name, value);
        }

        return schema.ToJsonString(Layout) + "\n";
    }
}
