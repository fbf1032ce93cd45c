namespace Sentinel.EndToEnd.Harness;

/// <summary>The daemon that is tried: as it was built beside the tests, or the published program that <c>TEST_PROGRAM</c> names.</summary>
internal static class DaemonProgram
{
    private static readonly string? Published = Environment.GetEnvironmentVariable("TEST_PROGRAM") is { Length: > 0 } path ? path : null;

    /// <summary>Whether it was compiled ahead of time.</summary>
    public static bool IsNative => Published is not null && !File.Exists(Path.ChangeExtension(Published, ".dll"));

    /// <summary>The folder it is in.</summary>
    public static string Folder { get; } = Published is null ? AppContext.BaseDirectory.TrimEnd('/') : Path.GetDirectoryName(Published)!;

    /// <summary>What starts it here, with these arguments.</summary>
    public static string[] Command(params IEnumerable<string> arguments) =>
        Published is null ? ["dotnet", Path.Combine(AppContext.BaseDirectory, "sentinel.dll"), .. arguments] : [Published, .. arguments];

    /// <summary>Runs it here to its end.</summary>
    public static Task<Shell.Result> RunAsync(params IEnumerable<string> arguments) =>
        Command(arguments) is [var program, .. var rest] ? Shell.RunAsync(program, rest) : throw new InvalidOperationException();
}
