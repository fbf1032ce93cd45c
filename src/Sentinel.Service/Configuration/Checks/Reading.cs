using Sentinel.Backends;
using Sentinel.Recovery.Outages;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Checks;

/// <summary>One reading of one configuration: collects the errors, and what can only be judged once all is read.</summary>
internal sealed class Reading(ConfigurationEnvironment environment)
{
    private readonly List<ConfigurationError> _errors = [];

    /// <summary>The machine it is read on.</summary>
    public ConfigurationEnvironment Environment => environment;

    /// <summary>Names that are given and referred to.</summary>
    public NameBook Names { get; } = new();

    /// <summary>Addresses that are listened on.</summary>
    public AddressBook Addresses { get; } = new();

    /// <summary>The file's own <c>recovery</c>, which is read before the backends that override it.</summary>
    public OutagePolicy Recovery { get; set; } = new();

    /// <summary>How many errors there are so far. Who reads something compares before and after.</summary>
    public int ErrorCount => _errors.Count;

    /// <summary>Reports a value that is wrong.</summary>
    public void Fail(SourceNode node, string found, string expected) => Fail(node.Path, node.Place, found, expected);

    /// <summary>Reports something at a place of its own.</summary>
    public void Fail(string path, ConfigurationPlace place, string found, string expected) => _errors.Add(new(path, place, found, expected));

    /// <summary>Judges what concerns the whole file.</summary>
    /// <returns>All errors: the file's by line, then those of variables by name.</returns>
    public EquatableList<ConfigurationError> Finish()
    {
        Names.Check(this);
        Addresses.Check(this);
        return
        [
            .. _errors
                .OrderBy(error => error.Place.Variable, StringComparer.Ordinal)
                .ThenBy(error => error.Place.Line)
                .ThenBy(error => error.Place.Column),
        ];
    }
}
