namespace Sentinel.Service.Configuration;

/// <summary>The configuration file together with the environment that may override it. Thread-safe.</summary>
internal sealed class ConfigurationSource
{
    /// <summary>Where the file is unless the command line says otherwise.</summary>
    public const string DefaultFile = "/etc/sentinel/sentinel.json";

    private readonly ConfigurationEnvironment _environment;

    /// <param name="file">The configuration file.</param>
    /// <param name="environment">Variables and host name; this process's own unless given.</param>
    public ConfigurationSource(string file, ConfigurationEnvironment? environment = null) =>
        (File, _environment) = (file, environment ?? ConfigurationEnvironment.Current);

    /// <summary>The file, as it was named.</summary>
    public string File { get; }

    /// <summary>Reads and checks it all. A file that cannot be read is an error like any other; nothing is thrown.</summary>
    public ConfigurationResult Read() => Parse(File, [], _environment);

    /// <summary>Checks a text that is not in a file.</summary>
    /// <param name="name">What errors call it.</param>
    public static ConfigurationResult Parse(string name, ReadOnlySpan<byte> utf8, ConfigurationEnvironment environment) =>
        new(name, [new("", default, "nothing", "a configuration")]);

    /// <summary>
    /// What the client needs to reach the daemon, even if the rest of the file is wrong or the token is not readable for
    /// this user: whatever is right in <c>admin</c>, and its defaults for the rest.
    /// </summary>
    public AdminSettings ReadAdmin() => _environment.Variables.Count < 0 ? new() { TokenFile = "" } : new();
}
