using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Sentinel.Backends.Files;

namespace Sentinel.Certificates.Storage;

/// <summary>
/// The certificates on disk. Each is one file with key and chain, so that it is there whole or not at all; a manifest says
/// which is in force and which was before. A manifest that is lost or torn is made again from the files. Not thread-safe.
/// </summary>
internal sealed class CertificateStore(string directory, TimeProvider time, ILogger logger)
{
    private const string Ending = ".pem";
    private const string SourceLine = "# source: ";
    private const int LargestFile = 1 << 20;

    private readonly Dictionary<string, ManifestEntry> _entries = [];

    private string ManifestPath => Path.Combine(directory, "manifest.json");

    /// <summary>Reads all that can be read; nothing is lost because of a file that cannot.</summary>
    /// <returns>What is in force, one for each slot.</returns>
    public IReadOnlyList<HeldCertificate> Load()
    {
        var files = new Dictionary<string, HeldCertificate>();
        var listed = new Dictionary<string, ManifestEntry>();
        try
        {
            DurableFile.CreateDirectory(directory);
            foreach (var leftover in Directory.EnumerateFiles(directory, "*" + DurableFile.TemporaryEnding))
            {
                DurableFile.TryDelete(leftover);
            }

            foreach (var path in Directory.EnumerateFiles(directory, "*" + Ending))
            {
                if (Read(path) is { } certificate)
                {
                    files[Path.GetFileName(path)] = certificate;
                }
            }

            listed = ReadManifest();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.StoreUnreadable(logger, directory, e.Message);
        }

        var now = time.GetUtcNow();
        foreach (var slot in files.GroupBy(file => file.Value.Slot))
        {
            var entry = listed.GetValueOrDefault(slot.Key);

            // What the manifest does not know was written when it could not be, if it is newer than the one in force; else it
            // is an old one that could not be deleted.
            var current = entry is null ? null : slot.FirstOrDefault(file => file.Key == entry.Current).Value;
            var inOrder = slot
                .OrderByDescending(file => file.Value.IsValid(now))
                .ThenByDescending(file => entry is null || current is null || (file.Key != entry.Current && file.Key != entry.Previous && (file.Value.NotBefore, file.Value.NotAfter).CompareTo((current.NotBefore, current.NotAfter)) > 0))
                .ThenByDescending(file => file.Key == entry?.Current)
                .ThenByDescending(file => file.Value.NotBefore)
                .ThenByDescending(file => file.Value.NotAfter)
                .ToList();
            _entries[slot.Key] = new(slot.Key, inOrder[0].Key, inOrder.Count > 1 ? inOrder[1].Key : null);
        }

        return [.. _entries.Values.Select(entry => files[entry.Current])];
    }

    /// <summary>Keeps certificates, one at most for each slot; those that they replace become the previous ones.</summary>
    /// <exception cref="IOException">Not all are kept. What was there is still whole, and doing it again does the rest.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public void Put(IReadOnlyCollection<HeldCertificate> certificates)
    {
        DurableFile.CreateDirectory(directory);
        var entries = new List<ManifestEntry>(certificates.Count);
        foreach (var certificate in certificates)
        {
            var name = $"{certificate.Names.FileName}-{certificate.Fingerprint[..16]}{Ending}";
            DurableFile.Write(
                Path.Combine(directory, name),
                Encoding.UTF8.GetBytes($"{SourceLine}{certificate.Source}\n{certificate.KeyPem.TrimEnd()}\n{certificate.ChainPem}"));
            var old = _entries.GetValueOrDefault(certificate.Slot);
            if (old?.Current != name)
            {
                entries.Add(new(certificate.Slot, name, old?.Current));
            }
        }

        if (entries.Count == 0)
        {
            return;
        }

        var next = new SortedDictionary<string, ManifestEntry>(_entries, StringComparer.Ordinal);
        entries.ForEach(entry => next[entry.Slot] = entry);
        DurableFile.Write(ManifestPath, JsonSerializer.SerializeToUtf8Bytes(new Manifest { Certificates = [.. next.Values] }, ManifestJson.Default.Manifest));
        foreach (var entry in entries)
        {
            // The one before the previous one is no longer named by anything.
            if (_entries.GetValueOrDefault(entry.Slot)?.Previous is { } oldest && oldest != entry.Current)
            {
                DurableFile.TryDelete(Path.Combine(directory, oldest));
            }

            _entries[entry.Slot] = entry;
        }
    }

    private Dictionary<string, ManifestEntry> ReadManifest()
    {
        if (!File.Exists(ManifestPath))
        {
            return [];
        }

        try
        {
            var manifest = JsonSerializer.Deserialize(File.ReadAllBytes(ManifestPath), ManifestJson.Default.Manifest) ?? new();
            return (manifest.Certificates ?? []).Where(entry => entry is { Slot: not null, Current: not null }).GroupBy(entry => entry.Slot).ToDictionary(group => group.Key, group => group.Last());
        }
        catch (JsonException)
        {
            Log.ManifestUnreadable(logger, ManifestPath);
            return [];
        }
    }

    private HeldCertificate? Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > LargestFile)
            {
                Log.FileUnreadable(logger, path, "it is too large to be a certificate");
                return null;
            }

            Protect(path);
            var text = File.ReadAllText(path);
            var source = text.StartsWith(SourceLine, StringComparison.Ordinal) ? text.Split('\n', 2)[0][SourceLine.Length..].Trim() : "";
            if (HeldCertificate.TryRead(text, text, CertificateSource.Parse(source), out var why) is { } certificate)
            {
                return certificate;
            }

            Log.FileUnreadable(logger, path, why);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.FileUnreadable(logger, path, e.Message);
        }

        return null;
    }

    /// <summary>A copy from a backup may have come with another mode.</summary>
    private static void Protect(string path)
    {
        if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(path) != (UnixFileMode.UserRead | UnixFileMode.UserWrite))
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }
}
