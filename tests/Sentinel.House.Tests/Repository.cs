using System.Runtime.CompilerServices;

namespace Sentinel.House.Tests;

/// <summary>The checkout that these tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>The product's own C# files, as paths relative to the root with forward slashes.</summary>
    public static IEnumerable<string> Sources { get; } = Files("src", "*.cs");

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static string[] Files(string under, string pattern) =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Root, under), pattern, SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/'))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    private static string Find([CallerFilePath] string here = "")
    {
        // A deterministic build rewrites caller paths, so the folder of the test's own binary is tried as well.
        foreach (var start in new[] { Path.GetDirectoryName(here)!, AppContext.BaseDirectory })
        {
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            {
                if (File.Exists(Path.Combine(folder.FullName, "Sentinel.sln")))
                {
                    return folder.FullName;
                }
            }
        }

        throw new DirectoryNotFoundException("Sentinel.sln was not found above the tests.");
    }
}
