namespace Sentinel.Forwarding.Http.Answers;

/// <summary>The operator's own outage page, read whole while a configuration is prepared: an outage is no time to find it unreadable.</summary>
internal sealed class OutagePage
{
    /// <summary>Bytes. It is held in memory for each listener that names it, and sent to everybody at the worst of times.</summary>
    public const int Largest = 1024 * 1024;

    private OutagePage(ReadOnlyMemory<byte> html) => Html = html;

    /// <summary>As it is in the file.</summary>
    public ReadOnlyMemory<byte> Html { get; }

    /// <returns>The page, or null and what is wrong in a sentence that names the file.</returns>
    public static async Task<(OutagePage? Page, string? Error)> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var html = new byte[Largest + 1];
            var length = await file.ReadAtLeastAsync(html, html.Length, throwOnEndOfStream: false, cancellationToken);
            return length <= Largest
                ? (new(html.AsSpan(0, length).ToArray()), null)
                : (null, $"the outage page {path} has more than the {Largest} bytes that one may have; make it smaller");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return (null, $"the outage page {path} cannot be read: {e.Message}");
        }
    }
}
