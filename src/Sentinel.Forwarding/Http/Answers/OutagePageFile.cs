namespace Sentinel.Forwarding.Http.Answers;

/// <summary>The operator's own outage page, read whole when a configuration is prepared: an outage is no time to find it unreadable.</summary>
internal static class OutagePageFile
{
    /// <summary>Bytes. It is held in memory for each listener that names it, and sent to everybody at the worst of times.</summary>
    public const int Largest = 1024 * 1024;

    /// <returns>The page, or what is wrong with it in a sentence that names the file.</returns>
    public static async Task<(ReadOnlyMemory<byte>? Page, string? Error)> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (file.Length > Largest)
            {
                return (null, $"the outage page {path} has {file.Length} bytes, and {Largest} are the most that one may have");
            }

            var page = new byte[file.Length];
            await file.ReadExactlyAsync(page, cancellationToken);
            return (page, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return (null, $"the outage page {path} cannot be read: {e.Message}");
        }
    }
}
