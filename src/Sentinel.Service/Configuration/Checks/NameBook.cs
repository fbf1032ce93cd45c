using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Checks;

/// <summary>What a name in the file may belong to.</summary>
internal enum NameKind
{
    /// <summary>Nothing that is referred to.</summary>
    None,

    /// <summary>A backend.</summary>
    Backend,

    /// <summary>A pool.</summary>
    Pool,
}

/// <summary>Names that are given, names that are referred to, and things of which there may be one.</summary>
internal sealed class NameBook
{
    private readonly Dictionary<NameKind, HashSet<string>> _given = [];
    private readonly List<(NameKind Kind, string Name, SourceNode Node)> _references = [];
    private readonly Dictionary<string, SourceNode> _owners = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>All names of a kind, those included whose own content is wrong.</summary>
    public void Give(NameKind kind, IEnumerable<string> names) => _given[kind] = [.. names];

    /// <summary>A name that must have been given, in the same case.</summary>
    public void Refer(NameKind kind, string name, SourceNode node) => _references.Add((kind, name, node));

    /// <summary>Takes something for one place in the file.</summary>
    /// <returns>Who took it before; null if it was free.</returns>
    public SourceNode? Take(string thing, SourceNode node)
    {
        if (_owners.TryGetValue(thing, out var owner))
        {
            return owner;
        }

        _owners.Add(thing, node);
        return null;
    }

    /// <summary>Reports the references to nothing. Where a whole section is missing or no object, that alone is reported.</summary>
    public void Check(Reading reading)
    {
        foreach (var (kind, name, node) in _references)
        {
            if (_given.TryGetValue(kind, out var given) && !given.Contains(name))
            {
                var noun = kind.ToString().ToLowerInvariant();
                var choice = given.Count is > 0 and <= 8 ? $" ({string.Join(", ", given)})" : "";
                reading.Fail(node, $"{node.Describe()}, which is no {noun}", $"the name of a {noun}{choice}{NearMiss.Hint(name, given)}");
            }
        }
    }
}
