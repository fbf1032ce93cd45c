using System.Text.Json;
using Sentinel.Backends.Files;

namespace Sentinel.Certificates.Acme;

/// <summary>
/// How far the ordering of one certificate has come: written before each step that an authority counts, so that a daemon
/// that dies anywhere goes on with the same order, or waits as after a failure.
/// </summary>
internal sealed record CourseRecord
{
    // A slip of an authority's must not end renewals for good.
    private static readonly TimeSpan LongestWish = TimeSpan.FromDays(8);

    /// <summary>Of the certificate, to be sure that the file is about them.</summary>
    public string Names { get; init; } = "";

    /// <summary>Tries in a row that came to nothing, one under way included.</summary>
    public int Failures { get; init; }

    /// <summary>Not before this, whoever is asked.</summary>
    public DateTimeOffset NextTry { get; init; }

    /// <summary>Until when authorities want to be left alone, by directory. Outlives a success elsewhere.</summary>
    public IReadOnlyDictionary<string, DateTimeOffset>? NotBefore { get; init; }

    /// <summary>Why the last try came to nothing; null if it did not.</summary>
    public string? LastError { get; init; }

    /// <summary>The authority that was asked last.</summary>
    public Uri? Directory { get; init; }

    /// <summary>The order that is under way; null if there is none.</summary>
    public Uri? Order { get; init; }

    /// <summary>The key that the order is for, PKCS #8 in PEM.</summary>
    public string? Key { get; init; }

    /// <summary>The certificate that was revoked, and is due therefore; null if none was.</summary>
    public string? Revoked { get; init; }

    /// <summary>Until when an authority wants to be left alone.</summary>
    public DateTimeOffset NotBeforeAt(Uri directory) => NotBefore?.TryGetValue(directory.AbsoluteUri, out var until) == true ? until : DateTimeOffset.MinValue;

    /// <summary>The same, with an authority to be left alone for a while; what is over is left out.</summary>
    public CourseRecord Leaving(Uri directory, TimeSpan? wish, DateTimeOffset now)
    {
        var waits = (NotBefore ?? new Dictionary<string, DateTimeOffset>()).Where(wait => wait.Value > now).ToDictionary();
        if (wish is { } time)
        {
            waits[directory.AbsoluteUri] = now + (time < LongestWish ? time : LongestWish);
        }

        return this with { NotBefore = waits.Count > 0 ? waits : null };
    }

    /// <summary>Not for logs: it holds a key.</summary>
    public override string ToString() => Names;

    /// <summary>An empty one if there is none, or none that can be read.</summary>
    public static CourseRecord Read(string folder, EquatableNames names)
    {
        try
        {
            var record = JsonSerializer.Deserialize(File.ReadAllBytes(PathOf(folder, names)), AcmeJson.Default.CourseRecord);
            return record?.Names == names.ToString() ? record : new() { Names = names.ToString() };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return new() { Names = names.ToString() };
        }
    }

    /// <exception cref="IOException">Not kept.</exception>
    /// <exception cref="UnauthorizedAccessException">Not kept.</exception>
    public Task WriteAsync(string folder, EquatableNames names) => DiskThread.RunAsync(() =>
    {
        DurableFile.CreateDirectory(folder);
        DurableFile.Write(PathOf(folder, names), JsonSerializer.SerializeToUtf8Bytes(this, AcmeJson.Default.CourseRecord));
    });

    private static string PathOf(string folder, EquatableNames names) => Path.Combine(folder, names.FileName + ".json");
}
