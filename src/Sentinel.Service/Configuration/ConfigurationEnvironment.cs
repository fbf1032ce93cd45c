using System.Collections;

namespace Sentinel.Service.Configuration;

/// <summary>What a configuration takes from the machine it is read on.</summary>
internal sealed record ConfigurationEnvironment
{
    /// <summary>Environment variables.</summary>
    public required IReadOnlyDictionary<string, string> Variables { get; init; }

    /// <summary>The default of <c>name</c>.</summary>
    public required string HostName { get; init; }

    /// <summary>This process's own.</summary>
    public static ConfigurationEnvironment Current => new()
    {
        Variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(
            entry => (string)entry.Key, entry => (string?)entry.Value ?? "", StringComparer.Ordinal),
        HostName = System.Net.Dns.GetHostName(),
    };

    /// <summary>A variable's value; null if it is unset or empty.</summary>
    public string? Get(string variable) => Variables.TryGetValue(variable, out var value) && value.Length > 0 ? value : null;
}
