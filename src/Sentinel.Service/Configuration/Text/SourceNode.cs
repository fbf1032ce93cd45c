using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sentinel.Service.Configuration.Text;

/// <summary>One value of the file, or of the environment, with the place where it was written.</summary>
internal abstract class SourceNode(SourceNode? parent, string name, ConfigurationPlace place)
{
    /// <summary>Where it was written.</summary>
    public ConfigurationPlace Place => place;

    /// <summary>Its own name: a key, or an index such as <c>[0]</c>; empty for the whole file.</summary>
    public string Name => name;

    /// <summary>Keys and indexes from the top, such as <c>listeners.ssh.bind[0]</c>.</summary>
    public string Path => parent is null ? name : parent.PathOf(name);

    /// <summary>What an error says was found.</summary>
    public abstract string Describe();

    /// <summary>The path of something in this node, whether it is there or not.</summary>
    public string PathOf(string child)
    {
        if (child.StartsWith('['))
        {
            return Path + child;
        }

        var plain = child.Length > 0 && child.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '$');
        return !plain ? $"{Path}[{ScalarNode.Quote(child)}]" : Path.Length == 0 ? child : $"{Path}.{child}";
    }
}

/// <summary>What is between braces.</summary>
internal sealed class ObjectNode(SourceNode? parent, string name, ConfigurationPlace place) : SourceNode(parent, name, place)
{
    private readonly List<Member> _members = [];

    /// <summary>In the order of the file; a key that is written twice is here twice.</summary>
    public IReadOnlyList<Member> Members => _members;

    /// <inheritdoc/>
    public override string Describe() => "an object";

    /// <summary>Adds a member after the others.</summary>
    public void Add(Member member) => _members.Add(member);

    /// <summary>Puts a member in the place of those of its name, or after the others.</summary>
    public void Put(Member member, StringComparison comparison)
    {
        var index = _members.FindIndex(other => other.Name.Equals(member.Name, comparison));
        if (index < 0)
        {
            _members.Add(member);
        }
        else
        {
            _members[index] = member;
        }
    }

    /// <summary>The first member of that name; null if there is none.</summary>
    public Member? Find(string key, StringComparison comparison)
    {
        var index = _members.FindIndex(member => member.Name.Equals(key, comparison));
        return index < 0 ? null : _members[index];
    }
}

/// <summary>A key and its value.</summary>
/// <param name="Name">As written.</param>
/// <param name="NamePlace">Where the key stands.</param>
/// <param name="Value">Its value.</param>
internal readonly record struct Member(string Name, ConfigurationPlace NamePlace, SourceNode Value);

/// <summary>What is between brackets.</summary>
internal sealed class ListNode(SourceNode? parent, string name, ConfigurationPlace place) : SourceNode(parent, name, place)
{
    /// <summary>In the order of the file.</summary>
    public List<SourceNode> Items { get; } = [];

    /// <inheritdoc/>
    public override string Describe() => Items.Count == 0 ? "an empty list" : "a list";
}

/// <summary>How a single value was written.</summary>
internal enum ScalarKind
{
    /// <summary>In double quotes.</summary>
    Text,

    /// <summary>A number.</summary>
    Number,

    /// <summary>true or false.</summary>
    Flag,

    /// <summary>null.</summary>
    Null,

    /// <summary>The text of an environment variable: its key decides what it is.</summary>
    Variable,
}

/// <summary>A single value.</summary>
/// <param name="kind">How it was written.</param>
/// <param name="text">Its text, quotes and escapes resolved.</param>
internal sealed class ScalarNode(SourceNode? parent, string name, ConfigurationPlace place, ScalarKind kind, string text) : SourceNode(parent, name, place)
{
    private const int LongestQuote = 80;
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>How it was written.</summary>
    public ScalarKind Kind => kind;

    /// <summary>Its text, quotes and escapes resolved.</summary>
    public string Text => text;

    /// <inheritdoc/>
    public override string Describe() => Kind is ScalarKind.Text or ScalarKind.Variable ? Quote(Text) : Shorten(Text);

    /// <summary>In double quotes, control characters escaped, shortened to one readable line.</summary>
    public static string Quote(string text) => JsonValue.Create(Shorten(text)).ToJsonString(Plain);

    private static string Shorten(string text) => text.Length <= LongestQuote ? text : string.Concat(text.AsSpan(0, LongestQuote), "…");
}
