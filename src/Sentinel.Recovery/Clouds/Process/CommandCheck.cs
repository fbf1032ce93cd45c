namespace Sentinel.Recovery.Clouds.Process;

/// <summary>Says what is wrong with a command before it is tried: the system's own words leave out which of its parts is meant.</summary>
internal static class CommandCheck
{
    /// <param name="program">The file to run, as far as there is one.</param>
    /// <returns>Null if nothing is wrong.</returns>
    public static string? Problem(ProcessSettings settings, out string program)
    {
        program = settings.Command.Count > 0 ? settings.Command[0] : "";
        if (settings.WorkingDirectory is { } directory && !Directory.Exists(directory))
        {
            return File.Exists(directory) ? $"the working directory {directory} is a file" : $"there is no working directory {directory}";
        }

        if (program.Length == 0)
        {
            return "the command is empty";
        }

        if (!program.Contains(Path.DirectorySeparatorChar))
        {
            var (name, found) = (program, OnPath(program));
            if (found is null)
            {
                return $"there is no program {name} on PATH";
            }

            program = found;
        }

        var file = Path.GetFullPath(program, settings.WorkingDirectory ?? Environment.CurrentDirectory);
        return Directory.Exists(file) ? $"{program} is a directory"
            : !File.Exists(file) ? $"there is no program {program}"
            : OperatingSystem.IsLinux() && Linux.Libc.Access(file, Linux.Libc.ExecuteAccess) != 0 ? $"{program} may not be executed by this user"
            : null;
    }

    private static string? OnPath(string program)
    {
        var endings = OperatingSystem.IsWindows() ? (Environment.GetEnvironmentVariable("PATHEXT") ?? ".EXE").Split(';').Append("") : [""];
        return (from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                where folder.Length > 0
                from ending in endings
                let file = Path.Combine(folder, program + ending)
                where File.Exists(file)
                select file).FirstOrDefault();
    }
}
