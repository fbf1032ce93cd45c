using System.Buffers;
using System.Collections;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Sentinel.Certificates;

/// <summary>Host names, <c>*.</c> before a suffix among them: lower case, sorted, each once. Equal if they are the same names.</summary>
internal sealed class EquatableNames : IReadOnlyList<string>, IEquatable<EquatableNames>
{
    private static readonly SearchValues<char> OfNames = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*");

    private readonly string[] _names;
    private readonly string _text;

    public EquatableNames(IEnumerable<string> names)
    {
        _names = [.. names.Select(name => name.ToLowerInvariant().TrimEnd('.')).Distinct().Order(StringComparer.Ordinal)];
        _text = string.Join(' ', _names);
    }

    public int Count => _names.Length;

    /// <summary>Safe in a path, and different for different names.</summary>
    public string FileName
    {
        get
        {
            var first = _names[0].Replace('*', '_');
            return $"{(first.Length > 100 ? first[..100] : first)}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(_text)))[..12]}";
        }
    }

    public string this[int index] => _names[index];

    /// <summary>The names in a certificate's subjectAltName (RFC 5280 §4.2.1.6); null if there are none, or one that is no host name.</summary>
    public static EquatableNames? Of(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(extension => extension.EnumerateDnsNames()).ToList();
        return names.Count > 0 && names.All(IsName) ? new(names) : null;
    }

    /// <summary>Whether a certificate for these names serves a client that asks for a name: exactly, or by a wildcard for one label (RFC 6125 §6.4.3).</summary>
    public bool Cover(string name) =>
        Array.IndexOf(_names, name) >= 0 || (name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot && Array.IndexOf(_names, "*" + name[dot..]) >= 0);

    public IEnumerator<string> GetEnumerator() => ((IEnumerable<string>)_names).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public bool Equals(EquatableNames? other) => other is not null && _text == other._text;

    public override bool Equals(object? obj) => Equals(obj as EquatableNames);

    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    /// <summary>Separated by blanks.</summary>
    public override string ToString() => _text;

    /// <summary>Host names become names of files and lines of logs.</summary>
    private static bool IsName(string name) =>
        name.Length is > 0 and <= 253 && name[0] != '.' && !name.AsSpan().ContainsAnyExcept(OfNames)
        && name.LastIndexOf('*') <= 0 && (name[0] != '*' || name.StartsWith("*.", StringComparison.Ordinal));
}
