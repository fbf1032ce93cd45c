using System.Globalization;

namespace Sentinel.Jump.Machines;

/// <summary>What can be read of the machine that a jump host is to run on. Whatever cannot be read is not there.</summary>
/// <param name="Root">Where its files are: <c>/</c>, or a folder that stands for it.</param>
internal sealed record Machine(string Root)
{
    // Programs of the administrator's are often not on a user's PATH.
    private static readonly string[] Programs = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"];
    private static readonly string[] Units = ["etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"];
    private static readonly string[] Libraries = ["usr/lib", "lib", "usr/lib64", "lib64"];

    public bool HasProgram(string name) => Programs.Any(folder => Exists($"/{folder}/{name}"));

    public bool HasUnit(string name) => Units.Any(folder => Exists($"/{folder}/{name}"));

    public bool Exists(string path) => Path.Exists(At(path));

    /// <summary>Whether a library is in one of the usual folders, or one below for this kind of machine.</summary>
    public bool HasLibrary(string name) => Libraries.Any(folder => Exists($"/{folder}/{name}")
        || (Directory.Exists(At($"/{folder}")) && Directory.EnumerateDirectories(At($"/{folder}"), "*-linux-*").Any(below => File.Exists(Path.Combine(below, name)))));

    /// <summary>passwd(5) and group(5): the fields of a name; null: there is none.</summary>
    public string[]? Entry(string file, string name) => Lines(file).Select(line => line.Split(':')).FirstOrDefault(fields => fields[0] == name);

    public IReadOnlyList<string> Lines(string file)
    {
        try
        {
            return File.ReadAllLines(At(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Whether the daemon's unit gives it a capability (systemd.exec(5), AmbientCapabilities).</summary>
    public bool UnitGives(string unit, string capability) => Units
        .SelectMany(folder => (string[])[$"/{folder}/{unit}", .. Below($"/{folder}/{unit}.d")])
        .SelectMany(Lines)
        .Any(line => line.StartsWith("AmbientCapabilities=", StringComparison.Ordinal) && line.Contains(capability, StringComparison.Ordinal));

    /// <summary>A number that the kernel keeps (sysctl(8)); null: not known.</summary>
    public int? Setting(string name) =>
        Lines($"/proc/sys/{name}") is [var line, ..] && int.TryParse(line, CultureInfo.InvariantCulture, out var value) ? value : null;

    /// <summary>Whether others may pass through a directory, if it is there.</summary>
    public bool IsPassable(string path) =>
        OperatingSystem.IsWindows() || !Directory.Exists(At(path)) || File.GetUnixFileMode(At(path)).HasFlag(UnixFileMode.OtherExecute);

    private string At(string path) => Path.Combine(Root, path.TrimStart('/'));

    private IEnumerable<string> Below(string folder) =>
        Directory.Exists(At(folder)) ? Directory.EnumerateFiles(At(folder), "*.conf").Select(file => $"{folder}/{Path.GetFileName(file)}") : [];
}
