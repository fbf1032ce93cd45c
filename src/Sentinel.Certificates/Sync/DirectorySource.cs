namespace Sentinel.Certificates.Sync;

/// <summary>
/// Finds certificates in a directory: <c>NAME.crt</c> beside <c>NAME.key</c>, as Caddy keeps them some folders down, and
/// <c>fullchain.pem</c> beside <c>privkey.pem</c>, as certbot does in its <c>live/</c>.
/// </summary>
internal static class DirectorySource
{
    private const int LargestFile = 1 << 20;

    private static readonly EnumerationOptions Everywhere = new()
    {
        RecurseSubdirectories = true,
        MaxRecursionDepth = 6,
        AttributesToSkip = FileAttributes.None,
        IgnoreInaccessible = false,
    };

    public static SyncOutcome Read(string directory)
    {
        var source = new CertificateSource(CertificateOrigin.Directory, directory);
        var (good, bad) = (new List<HeldCertificate>(), new List<string>());
        try
        {
            foreach (var (chain, key) in Pairs(directory))
            {
                // Files that their owner is just replacing do not fit together; they will the next time.
                if (HeldCertificate.TryRead(Text(chain), Text(key), source, out var why) is { } certificate)
                {
                    good.Add(certificate);
                }
                else if (why != HeldCertificate.NamesNobody)
                {
                    // Caddy keeps its own authority in the same directory.
                    bad.Add($"{chain}: {why}");
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(good, $"{directory} cannot be read: {e.Message}");
        }

        return new(good, bad.Count == 0 ? null : $"{directory} holds {bad.Count} that cannot be used, such as {bad[0]}");
    }

    private static IEnumerable<(string Chain, string Key)> Pairs(string directory) =>
        Directory.EnumerateFiles(directory, "*.crt", Everywhere).Select(chain => (chain, Path.ChangeExtension(chain, ".key")))
            .Concat(Directory.EnumerateFiles(directory, "fullchain.pem", Everywhere).Select(chain => (chain, Path.Combine(Path.GetDirectoryName(chain)!, "privkey.pem"))))
            .Where(pair => File.Exists(pair.Item2));

    private static string Text(string path) => new FileInfo(path).Length <= LargestFile ? File.ReadAllText(path) : "";
}
