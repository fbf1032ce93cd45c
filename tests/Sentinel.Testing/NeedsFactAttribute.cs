using System.Runtime.InteropServices;
using Xunit;

namespace Sentinel.Testing;

/// <summary>
/// A test that needs programs of the system, or root. Where one is missing it is skipped and says which; in CI
/// (environment variable CI=true) it runs and fails, because there everything must be present.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NeedsFactAttribute : FactAttribute
{
    /// <param name="needs">Names of programs, or <c>root</c>, <c>linux</c>, or <c>grpc</c>: its library for the system's Python.</param>
    public NeedsFactAttribute(params string[] needs) => Skip = Needs.Missing(needs);
}

/// <summary>A theory with the rule of <see cref="NeedsFactAttribute"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NeedsTheoryAttribute : TheoryAttribute
{
    /// <param name="needs">Names of programs, or <c>root</c>, <c>linux</c>, or <c>grpc</c>: its library for the system's Python.</param>
    public NeedsTheoryAttribute(params string[] needs) => Skip = Needs.Missing(needs);
}

/// <summary>What this machine offers to tests.</summary>
public static partial class Needs
{
    private static readonly string[] Folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <summary>Where a program is, or null.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Concat(Folders)
            .Where(folder => folder.Length > 0)
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);

    internal static string? Missing(string[] needs)
    {
        var missing = needs.Where(need => !IsThere(need)).ToArray();
        return missing.Length == 0 || Environment.GetEnvironmentVariable("CI") == "true" ? null : $"needs {string.Join(", ", missing)}";
    }

    private static bool IsThere(string need) => need switch
    {
        "linux" => OperatingSystem.IsLinux(),
        "root" => OperatingSystem.IsLinux() && Geteuid() == 0,
        "grpc" => Directory.Exists("/usr/lib/python3/dist-packages/grpc"),
        _ => Find(need) is not null,
    };

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint Geteuid();
}
