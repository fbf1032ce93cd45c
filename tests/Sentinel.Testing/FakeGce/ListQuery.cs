using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Sentinel.Testing.FakeGce;

/// <summary>A list request: filter, order and pages, as far as the API is consistent about them.</summary>
internal sealed partial class ListQuery
{
    private readonly List<(string Field, bool IsEqual, Func<string, bool> Matches)> _terms = [];

    private ListQuery()
    {
    }

    public int MaxResults { get; private init; }

    public string? PageToken { get; private init; }

    private bool NewestFirst { get; init; }

    /// <exception cref="GceRefusalException">It is refused.</exception>
    public static ListQuery Parse(Func<string, string?> value)
    {
        var max = value("maxResults") is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : 500;
        if (max is < 0 or > 500)
        {
            throw GceRefusalException.Invalid($"Invalid value for field 'maxResults': '{max}'. Value must be in the range [0, 500].");
        }

        var order = value("orderBy");
        if (order is not (null or "name" or "creationTimestamp desc"))
        {
            throw GceRefusalException.Invalid($"Invalid value for field 'orderBy': '{order}'.");
        }

        var query = new ListQuery { MaxResults = max, PageToken = value("pageToken"), NewestFirst = order == "creationTimestamp desc" };
        if (value("filter") is { Length: > 0 } filter)
        {
            query.Filter(filter);
        }

        return query;
    }

    /// <summary>One page of the items that match, and the token of the next page.</summary>
    public (JsonArray Items, string? Next) Page(IEnumerable<JsonObject> all)
    {
        var matching = all.Where(item => _terms.All(term => term.Matches(Field(item, term.Field)) == term.IsEqual));
        var sorted = NewestFirst
            ? matching.OrderByDescending(item => DateTimeOffset.Parse(Field(item, item.ContainsKey("insertTime") ? "insertTime" : "creationTimestamp"), CultureInfo.InvariantCulture))
                .ThenByDescending(item => (string)item["name"]!, StringComparer.Ordinal)
            : matching.OrderBy(item => (string)item["name"]!, StringComparer.Ordinal);
        var list = sorted.ToArray();
        var from = 0;
        if (PageToken is { } token)
        {
            var after = Array.FindIndex(list, item => (string)item["name"]! == token);
            from = after + 1;
        }

        var page = list.Skip(from).Take(MaxResults == 0 ? 500 : MaxResults).ToArray();
        return (new JsonArray([.. page.Select(item => item.DeepClone())]), from + page.Length < list.Length && page.Length > 0 ? (string)page[^1]["name"]! : null);
    }

    private void Filter(string filter)
    {
        if (Expression().Match(filter) is { Success: true } old)
        {
            var pattern = new Regex($"^(?:{old.Groups["value"].Value.Trim('"', '\'')})$");
            _terms.Add((old.Groups["field"].Value, old.Groups["op"].Value == "eq", pattern.IsMatch));
            return;
        }

        foreach (var term in filter.Split(" AND "))
        {
            // gcloud puts parentheses around each term.
            var match = Term().Match(term.Trim().TrimStart('(').TrimEnd(')').Trim());
            if (!match.Success)
            {
                throw GceRefusalException.BadFilter();
            }

            var expected = match.Groups["value"].Value.Trim('"');
            _terms.Add((match.Groups["field"].Value, match.Groups["op"].Value == "=", value => value == expected));
        }
    }

    private static string Field(JsonObject item, string path)
    {
        JsonNode? node = item;
        foreach (var part in path.Split('.'))
        {
            node = (node as JsonObject)?[part];
        }

        return node?.ToString() ?? "";
    }

    [GeneratedRegex("^(?<field>[\\w.]+) (?<op>eq|ne) (?<value>\\S+)$")]
    private static partial Regex Expression();

    [GeneratedRegex("^(?<field>[\\w.]+) ?(?<op>!?=) ?(?<value>\"[^\"]*\"|[\\w./:-]+)$")]
    private static partial Regex Term();
}
