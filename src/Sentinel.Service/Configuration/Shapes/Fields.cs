using Sentinel.Service.Configuration.Checks;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Shapes;

/// <summary>The keys of one object, read.</summary>
internal sealed class Fields(ObjectNode node, Reading reading)
{
    private readonly Dictionary<Key, (SourceNode Node, object? Value, bool Good)> _read = [];

    /// <summary>The object they are in.</summary>
    public ObjectNode Node => node;

    /// <summary>What is known beyond this object.</summary>
    public Reading Reading => reading;

    /// <summary>Whether the key is there and not null.</summary>
    public bool Has(Key key) => _read.ContainsKey(key);

    /// <summary>Keys that unknown ones were probably meant to be.</summary>
    public HashSet<string> Misspelt { get; } = [];

    /// <summary>Whether the key is not there, not even misspelt: then nobody has told the user yet.</summary>
    public bool IsMissing(Key key) => !Has(key) && !Misspelt.Contains(key.Name);

    /// <summary>The key's value or default; false if it is wrong, or missing without a default: then that was reported, or is no matter.</summary>
    public bool Try<T>(Key<T> key, out T value)
    {
        var there = _read.TryGetValue(key, out var field);
        value = there && field.Good ? (T)field.Value! : key.DefaultValue;
        return there ? field.Good : key.Need == KeyNeed.Defaulted;
    }

    /// <summary>The key's value or default, once all is known to be right.</summary>
    public T Get<T>(Key<T> key) => Get(key, key.DefaultValue);

    /// <summary>The key's value, or a default that depends on other things.</summary>
    public T Get<T>(Key<T> key, T otherwise) => _read.TryGetValue(key, out var field) && field.Good ? (T)field.Value! : otherwise;

    /// <summary>The key's value; null if it was left out.</summary>
    public T? OrNone<T>(Key<T> key)
        where T : struct => Has(key) ? Get(key) : null;

    /// <summary>The key's value; null if it was left out.</summary>
    public T? OrNull<T>(Key<T> key)
        where T : class => Has(key) ? Get(key) : null;

    /// <summary>Where the key's value stands; null if it was left out.</summary>
    public SourceNode? Written(Key key) => _read.TryGetValue(key, out var field) ? field.Node : null;

    /// <summary>Reports a key's value, or that it is missing.</summary>
    public void Fail(Key key, string expected, string? found = null)
    {
        if (_read.TryGetValue(key, out var field))
        {
            reading.Fail(field.Node, found ?? field.Node.Describe(), expected);
        }
        else
        {
            reading.Fail(node.PathOf(key.Name), node.Place, found ?? "nothing", expected);
        }
    }

    /// <summary>Reports the object itself.</summary>
    public void Fail(string found, string expected) => reading.Fail(node, found, expected);

    /// <summary>Reads a key's value.</summary>
    public void Read(Key key, SourceNode value)
    {
        var before = reading.ErrorCount;
        var read = key.Read(value, reading);
        _read.Add(key, (value, read, reading.ErrorCount == before));
    }
}
