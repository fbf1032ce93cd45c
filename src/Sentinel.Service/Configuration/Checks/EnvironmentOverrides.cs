using System.Globalization;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Text;

namespace Sentinel.Service.Configuration.Checks;

/// <summary>
/// Puts environment variables over the file: <c>SENTINEL_listeners__ssh__bind__0=0.0.0.0:22</c>. The description of the file
/// says what stands at each step, so that a missing object or list is made and an unknown key is known for one.
/// </summary>
internal static class EnvironmentOverrides
{
    private const string Prefix = "SENTINEL_";
    private const string Separator = "__";

    /// <summary>Tells the client where the daemon is, and says nothing about the configuration.</summary>
    private const string ClientVariable = "SENTINEL_ADMIN";

    /// <summary>Puts all of them in their places.</summary>
    public static void Apply(ObjectNode root, Shape shape, Reading reading)
    {
        var overrides = reading.Environment.Variables
            .Where(variable => variable.Key.StartsWith(Prefix, StringComparison.Ordinal) && variable.Key != ClientVariable)
            .Select(variable => (Variable: variable.Key, Keys: variable.Key[Prefix.Length..].Split(Separator), variable.Value))
            .OrderBy(it => string.Join(' ', it.Keys.Select(Sortable)), StringComparer.Ordinal)
            .ThenBy(it => it.Variable, StringComparer.Ordinal);
        foreach (var (variable, keys, value) in overrides)
        {
            new Walk(new(0, 0, variable), reading).Put(root, shape, keys, value);
        }
    }

    /// <summary>Brings the tenth item of a list after the ninth.</summary>
    private static string Sortable(string key) => key.All(char.IsAsciiDigit) ? key.PadLeft(9, '0') : key.ToLowerInvariant();

    private sealed class Walk(ConfigurationPlace place, Reading reading)
    {
        public void Put(SourceNode node, Shape shape, ReadOnlySpan<string> keys, string value)
        {
            if (node is ScalarNode)
            {
                // the file has a value where an object or list belongs: that is reported when it is read
                return;
            }

            if (keys.IsEmpty)
            {
                var below = Separator + (shape is IListShape ? "0" : shape is IObjectShape { Keys: [var first, ..] } ? first.Name : "NAME");
                reading.Fail(node.Path, place, "a value", $"{shape.Expected}: set what is in it, such as {place.Variable}{below}");
                return;
            }

            var name = keys[0];
            var rest = keys[1..];
            switch (shape, node)
            {
                case (IObjectShape it, ObjectNode parent) when it.Keys.FirstOrDefault(key => Same(key.Name, name)) is { } key:
                    Put(parent, key.Name, key.Shape, rest, value, StringComparison.OrdinalIgnoreCase);
                    break;
                case (IObjectShape it, ObjectNode parent) when it.Later.FirstOrDefault(later => Same(later.Name, name)) is { } later:
                    parent.Put(new(later.Name, place, Scalar(parent, later.Name, value)), StringComparison.OrdinalIgnoreCase);
                    break;
                case (IObjectShape it, ObjectNode parent):
                    Refuse(parent, name, [.. it.Keys.Select(key => key.Name).Where(key => key[0] != '$')]);
                    break;
                case (IMapShape it, ObjectNode parent):
                    Put(parent, NameFor(parent, name, it.Comparison), it.Item, rest, value, it.Comparison);
                    break;
                case (IListShape it, ListNode list):
                    Put(list, it.Item, keys, value);
                    break;
            }
        }

        private void Refuse(ObjectNode parent, string name, IReadOnlyList<string> known)
        {
            var expected = NearMiss.Of(name, known) is { } near ? $"a key of the configuration; did you mean \"{near}\"?"
                : known.Count > 0 ? $"one of the keys {string.Join(", ", known)}"
                : "no such variable";
            reading.Fail(parent.PathOf(name), place, $"the unknown key {ScalarNode.Quote(name)}", expected);
        }

        private void Put(ObjectNode parent, string name, Shape shape, ReadOnlySpan<string> keys, string value, StringComparison comparison)
        {
            var present = parent.Find(name, comparison)?.Value;
            if (Next(parent, present, name, shape, keys, value) is { } next)
            {
                if (next != present)
                {
                    parent.Put(new(name, place, next), comparison);
                }

                Descend(next, shape, keys, value);
            }
        }

        private void Put(ListNode list, Shape shape, ReadOnlySpan<string> keys, string value)
        {
            if (!int.TryParse(keys[0], NumberStyles.None, CultureInfo.InvariantCulture, out var index) || index > list.Items.Count)
            {
                reading.Fail(list.Path, place, $"{ScalarNode.Quote(keys[0])} as an item's number", $"{list.Items.Count} for one more item{(list.Items.Count > 0 ? ", or less to replace one" : "")}");
                return;
            }

            var present = index < list.Items.Count ? list.Items[index] : null;
            if (Next(list, present, $"[{index}]", shape, keys[1..], value) is { } next)
            {
                if (present is null)
                {
                    list.Items.Add(next);
                }
                else
                {
                    list.Items[index] = next;
                }

                Descend(next, shape, keys[1..], value);
            }
        }

        /// <summary>What stands at a step: the value itself at the last, else what was there or a new object or list.</summary>
        private SourceNode? Next(SourceNode parent, SourceNode? present, string name, Shape shape, ReadOnlySpan<string> rest, string value)
        {
            if (shape is IObjectShape or IMapShape or IListShape)
            {
                return present is not null and not ScalarNode { Kind: ScalarKind.Null } ? present
                    : shape is IListShape ? new ListNode(parent, name, place) : new ObjectNode(parent, name, place);
            }

            if (present is ScalarNode { Kind: ScalarKind.Variable })
            {
                reading.Fail(present.Path, place, $"the same key as in {present.Place.Variable}", "one variable for each key");
                return null;
            }

            if (!rest.IsEmpty)
            {
                reading.Fail(parent.PathOf(name), place, $"{ScalarNode.Quote(rest[0])} below a single value", "no further key");
                return null;
            }

            return Scalar(parent, name, value);
        }

        private void Descend(SourceNode next, Shape shape, ReadOnlySpan<string> keys, string value)
        {
            if (shape is IObjectShape or IMapShape or IListShape)
            {
                Put(next, shape, keys, value);
            }
        }

        private ScalarNode Scalar(SourceNode parent, string name, string value) => new(parent, name, place, ScalarKind.Variable, value);

        /// <summary>
        /// Shells and systemd allow letters, digits and underscores alone in a variable's name, so an underscore may also stand
        /// for any other character of a name in the file, if that leaves one choice.
        /// </summary>
        private static string NameFor(ObjectNode map, string name, StringComparison comparison)
        {
            if (map.Find(name, comparison) is { } exact)
            {
                return exact.Name;
            }

            var alike = map.Members.Where(member => Plain(member.Name).Equals(Plain(name), comparison)).Take(2).ToList();
            return comparison == StringComparison.OrdinalIgnoreCase && alike.Count == 1 ? alike[0].Name : name;
        }

        private static string Plain(string name) => string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));

        private static bool Same(string a, string b) => a.Equals(b, StringComparison.OrdinalIgnoreCase);
    }
}
