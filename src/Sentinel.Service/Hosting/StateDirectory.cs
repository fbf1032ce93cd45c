using System.Globalization;

namespace Sentinel.Service.Hosting;

/// <summary>The folder that one daemon owns while it runs. The kernel lets go of the lock when the process ends, however it ends.</summary>
internal sealed class StateDirectory : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // What .NET reports for EWOULDBLOCK of flock(2), and on Windows.
    private const int WouldBlock = 11;
    private const int SharingViolation = unchecked((int)0x80070020);

    private readonly FileStream _lock;

    private StateDirectory(FileStream held) => _lock = held;

    /// <summary>Creates the folder if need be, and takes it.</summary>
    /// <param name="path">Absolute.</param>
    /// <param name="error">A sentence for the administrator if it cannot be had.</param>
    public static StateDirectory? Claim(string path, out string? error)
    {
        try
        {
            Create(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            error = $"stateDirectory {path} cannot be made: {e.Message.TrimEnd('.')}; make it for this user, or name another";
            return null;
        }

        try
        {
            // FileShare.None is flock(2) on Unix; descriptors of .NET are closed in children.
            var held = new FileStream(Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            File.WriteAllText(OwnerFile(path), Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
            error = null;
            return new StateDirectory(held);
        }
        catch (IOException e) when (e.HResult is WouldBlock or SharingViolation)
        {
            error = $"stateDirectory {path} is in use by another sentinel ({OwnerOf(path)}); stop that one, or name another directory";
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            error = $"stateDirectory {path} cannot be written: {e.Message.TrimEnd('.')}; make it writable for this user, or name another";
            return null;
        }
    }

    public void Dispose() => _lock.Dispose();

    private static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, OwnerOnly);
        }
    }

    private static string OwnerFile(string path) => Path.Combine(path, "pid");

    private static string OwnerOf(string path)
    {
        try
        {
            return $"process {File.ReadAllText(OwnerFile(path)).Trim()}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "an unknown process";
        }
    }
}
