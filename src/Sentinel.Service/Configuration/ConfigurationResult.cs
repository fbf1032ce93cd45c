using System.Diagnostics.CodeAnalysis;
using Sentinel.Backends;

namespace Sentinel.Service.Configuration;

/// <summary>A configuration, or everything that is wrong with it.</summary>
internal sealed class ConfigurationResult
{
    /// <summary>A good one.</summary>
    public ConfigurationResult(string file, SentinelConfiguration configuration) => (File, Configuration, Errors) = (file, configuration, []);

    /// <summary>A bad one.</summary>
    public ConfigurationResult(string file, EquatableList<ConfigurationError> errors) => (File, Errors) = (file, errors);

    /// <summary>The file it was read from, as it was named.</summary>
    public string File { get; }

    /// <summary>Null if there are errors.</summary>
    public SentinelConfiguration? Configuration { get; }

    /// <summary>All errors: those of the file by line, then those of environment variables. Empty if it is good.</summary>
    public EquatableList<ConfigurationError> Errors { get; }

    /// <summary>Whether it may be used.</summary>
    [MemberNotNullWhen(true, nameof(Configuration))]
    public bool IsGood => Configuration is not null;

    /// <summary>One line for each error; empty if it is good.</summary>
    public IEnumerable<string> Lines => Errors.Select(error => error.ToText(File));
}
