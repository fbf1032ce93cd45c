using System.Reflection;

namespace Sentinel.Service.Telemetry;

/// <summary>What this build is.</summary>
internal static class BuildInfo
{
    // 0.1.0+4f1d…: the SDK appends the commit where it knows one.
    private static readonly string[] Parts =
        (typeof(BuildInfo).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0").Split('+', 2);

    /// <summary>Such as <c>0.1.0</c>.</summary>
    public static string Version => Parts[0];

    /// <summary>The commit it was built from; null if the build did not know.</summary>
    public static string? Commit => Parts.Length > 1 ? Parts[1] : null;
}
