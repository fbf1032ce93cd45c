using System.Security.Cryptography;
using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Description;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration;

/// <summary>The configuration file together with the environment that may override it. Thread-safe.</summary>
internal sealed class ConfigurationSource
{
    /// <summary>Where the file is unless the command line says otherwise.</summary>
    public const string DefaultFile = "/etc/sentinel/sentinel.json";

    /// <summary>A bound against a wrong file: tens of thousands of backends fit in.</summary>
    private const int LongestFile = 4 * 1024 * 1024;

    private readonly ConfigurationEnvironment _environment;
    private volatile string _lastRead = "";

    /// <param name="file">The configuration file.</param>
    /// <param name="environment">Variables and host name; this process's own unless given.</param>
    public ConfigurationSource(string file, ConfigurationEnvironment? environment = null) =>
        (File, _environment) = (file, environment ?? ConfigurationEnvironment.Current);

    /// <summary>The file, as it was named.</summary>
    public string File { get; }

    /// <summary>Tells one content from another, as it was at the last <see cref="Read"/>; empty before the first.</summary>
    public string LastRead => _lastRead;

    /// <summary>Reads and checks it all. A file that cannot be read is an error like any other; nothing is thrown.</summary>
    public ConfigurationResult Read()
    {
        var (content, error) = Load();
        _lastRead = Fingerprint(content, error);
        return error is null ? Parse(File, content, _environment) : new(File, [error]);
    }

    /// <summary>Tells one content from another, as it is now; whatever keeps it from being read counts as content.</summary>
    public string Look()
    {
        var (content, error) = Load();
        return Fingerprint(content, error);
    }

    /// <summary>Checks a text that is not in a file.</summary>
    /// <param name="name">What errors call it.</param>
    public static ConfigurationResult Parse(string name, ReadOnlySpan<byte> utf8, ConfigurationEnvironment environment)
    {
        var errors = new List<ConfigurationError>();
        if (SourceText.Parse(utf8, errors) is not { } root)
        {
            return new(name, [.. errors]);
        }

        var shape = new SentinelShape();
        var reading = new Reading(environment);
        EnvironmentOverrides.Apply(root, shape, reading);
        var configuration = shape.Read(root, reading);
        var all = reading.Finish();
        return all.Count == 0 ? new(name, configuration!) : new(name, all);
    }

    /// <summary>
    /// What the client needs to reach the daemon, even if the rest of the file is wrong or the token is not readable for
    /// this user: whatever is right in <c>admin</c>, and its defaults for the rest.
    /// </summary>
    public AdminSettings ReadAdmin()
    {
        var (content, _) = Load();
        var root = SourceText.Parse(content, []) ?? new ObjectNode(null, "", default);
        EnvironmentOverrides.Apply(root, new SentinelShape(), new(_environment));
        return root.Find(SentinelShape.Admin.Name, StringComparison.OrdinalIgnoreCase) is { } admin
            ? new AdminShape().ReadLeniently(admin.Value, _environment)
            : new();
    }

    private (byte[] Content, ConfigurationError? Error) Load()
    {
        try
        {
            using var file = new FileStream(File, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var content = new MemoryStream();
            var part = new byte[16 * 1024];
            for (int length; (length = file.Read(part)) > 0;)
            {
                content.Write(part, 0, length);
                if (content.Length > LongestFile)
                {
                    return ([], Trouble($"a file of more than {LongestFile / 1024 / 1024} MiB", "a configuration file, which is much shorter"));
                }
            }

            return (content.ToArray(), null);
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            return ([], Trouble("no such file", "the configuration: write one there, or name another with --config FILE"));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return ([], Trouble(Directory.Exists(File) ? "a directory" : "a file that this user cannot read", "the configuration file"));
        }
    }

    private static ConfigurationError Trouble(string found, string expected) => new("", default, found, expected);

    private static string Fingerprint(byte[] content, ConfigurationError? error) => error?.Found ?? Convert.ToHexString(SHA256.HashData(content));
}
