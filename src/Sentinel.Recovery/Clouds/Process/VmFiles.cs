using System.Text.Json;
using Sentinel.Backends.Files;
using Sentinel.Recovery.Recording;

namespace Sentinel.Recovery.Clouds.Process;

/// <summary>The files of one VM. That they cannot be written stops nothing: the processes themselves bear their marks.</summary>
internal sealed class VmFiles(string directory, string name)
{
    private const long LargestLog = 1 << 20;

    private string RecordPath => Path.Combine(directory, FileName.Of(name) + ".json");

    /// <summary>Where its output goes, and where the output of earlier runs was put aside.</summary>
    public IReadOnlyList<string> Logs { get; } = [Path.Combine(directory, FileName.Of(name) + ".log"), Path.Combine(directory, FileName.Of(name) + ".log.1")];

    /// <returns>Null if there is none, or none that can be read: then <paramref name="error"/> says why.</returns>
    public VmRecord? Read(out string? error)
    {
        error = null;
        try
        {
            var record = File.Exists(RecordPath) ? JsonSerializer.Deserialize(File.ReadAllBytes(RecordPath), VmRecordJson.Default.VmRecord) : null;
            return record is null || record.Name == name ? record : throw new JsonException($"it is of {record.Name}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            error = $"{RecordPath}: {e.Message}";
            return null;
        }
    }

    /// <returns>Why it could not be written; null if it was.</returns>
    public string? Write(VmRecord record)
    {
        try
        {
            DurableFile.Write(RecordPath, JsonSerializer.SerializeToUtf8Bytes(record, VmRecordJson.Default.VmRecord));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{RecordPath}: {e.Message}";
        }
    }

    /// <summary>It was stopped in order: the next daemon starts it afresh.</summary>
    public void Forget() => DurableFile.TryDelete(RecordPath);

    /// <summary>Puts a long log aside and makes sure that there is one, for the owner alone.</summary>
    /// <returns>Where output can go; the null device if nothing can be written.</returns>
    public string PrepareLog(out string? error)
    {
        error = null;
        try
        {
            if (new FileInfo(Logs[0]) is { Exists: true, Length: > LargestLog })
            {
                File.Move(Logs[0], Logs[1], overwrite: true);
            }

            var options = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.ReadWrite };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            new FileStream(Logs[0], options).Dispose();
            return Logs[0];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            error = $"{Logs[0]}: {e.Message}";
            return OperatingSystem.IsWindows() ? "NUL" : "/dev/null";
        }
    }
}
