using System.Text.RegularExpressions;
using Sentinel.Recovery.Clouds.Gce;
using Sentinel.Service.Configuration.Shapes;

namespace Sentinel.Service.Configuration.Values;

/// <summary>What Compute Engine calls things. Source: its documentation, "Naming resources".</summary>
internal static partial class GceText
{
    public const string ExpectedProject = "a project's id, such as \"my-project\"";

    public const string ExpectedCredentials = "metadata, none, or the absolute path of a JSON file with credentials";

    /// <summary>Whether this may name a project; old ones belong to a domain.</summary>
    public static bool IsProject(string text) => Project().IsMatch(text);

    /// <summary>Whether this may name a zone.</summary>
    public static bool IsZone(string text) => Zone().IsMatch(text);

    /// <summary>Whether this may name a VM.</summary>
    public static bool IsName(string text) => Name().IsMatch(text);

    /// <summary>Understands <c>credentials</c>. The file is held to the rules of every file with a secret.</summary>
    public static Parsed<GceCredentials> ParseCredentials(string text, ConfigurationEnvironment environment)
    {
        switch (text)
        {
            case "metadata":
                return new GceCredentials(GceCredentialKind.Metadata);
            case "none":
                return new GceCredentials(GceCredentialKind.None);
        }

        var file = SecretFile.ReadAny(text, environment);
        return file.Refusal is { } refusal ? refusal : new GceCredentials(GceCredentialKind.File, file.Value!.Path);
    }

    [GeneratedRegex(@"\A([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]\z")]
    private static partial Regex Project();

    [GeneratedRegex(@"\A[a-z]+(-[a-z]+)+[0-9]+-[a-z]\z")]
    private static partial Regex Zone();

    [GeneratedRegex(@"\A[a-z]([-a-z0-9]{0,61}[a-z0-9])?\z")]
    private static partial Regex Name();
}
