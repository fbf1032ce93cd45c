namespace Sentinel.Recovery;

/// <summary>
/// The directory where a daemon keeps what must outlive it, held by one daemon at a time: two that start and stop the same
/// child processes would undo one another. Dispose to let go; the lock ends with the process in any case.
/// </summary>
public sealed class StateDirectory : IDisposable
{
    private readonly FileStream _lock;

    private StateDirectory(string path, FileStream held) => (Path, _lock) = (path, held);

    /// <summary>Absolute.</summary>
    public string Path { get; }

    /// <summary>Creates it if need be, for the owner alone (0700), and takes it.</summary>
    /// <exception cref="StateDirectoryException">It cannot be used; the message says why and what to do.</exception>
    public static StateDirectory Open(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(path);
            }
            else
            {
                Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StateDirectoryException($"The state directory {path} cannot be created: {e.Message} Set stateDirectory to one that this user may write.", e);
        }

        try
        {
            // FileShare.None is an advisory lock (flock(2)) that child processes do not inherit.
            return new(path, new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (UnauthorizedAccessException e)
        {
            throw new StateDirectoryException($"The state directory {path} cannot be written by this user: {e.Message} Give it to the user that runs the daemon.", e);
        }
        catch (IOException e) when (IsTaken(e))
        {
            throw new StateDirectoryException($"The state directory {path} is in use by another sentinel. Stop that one, or give this one a stateDirectory of its own.", e);
        }
        catch (IOException e)
        {
            throw new StateDirectoryException($"The state directory {path} cannot be written: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    /// <summary>EWOULDBLOCK of Linux and macOS, ERROR_SHARING_VIOLATION of Windows.</summary>
    private static bool IsTaken(IOException e) => e.HResult is 11 or 35 or unchecked((int)0x80070020);
}

/// <summary>The state directory cannot be used. The message is for people.</summary>
public sealed class StateDirectoryException : Exception
{
    public StateDirectoryException()
    {
    }

    public StateDirectoryException(string message)
        : base(message)
    {
    }

    public StateDirectoryException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
