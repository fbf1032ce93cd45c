using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Sentinel.Service.Telemetry.Logging;

/// <summary>
/// The name of an event. Ours carry it; those of libraries get their category and event name, dotted and in lower case:
/// <c>microsoft.aspnetcore.server.kestrel.connection_reset</c>.
/// </summary>
internal static class EventNames
{
    private static readonly ConcurrentDictionary<(string Category, string? Name), string> Foreign = new();

    public static bool IsOurs(string category) => category.StartsWith("Sentinel.", StringComparison.Ordinal);

    public static string Of(string category, EventId id) =>
        id.Name is { } name && IsOurs(category) ? name : Foreign.GetOrAdd((category, id.Name), Derive);

    private static string Derive((string Category, string? Name) source)
    {
        // A logger of a generic type is called after its type arguments too.
        var end = source.Category.AsSpan().IndexOfAny('`', '<', '[');
        var category = (end < 0 ? source.Category : source.Category[..end]).Replace('+', '.').ToLowerInvariant();
        return string.IsNullOrEmpty(source.Name) ? category : $"{category}.{JsonNamingPolicy.SnakeCaseLower.ConvertName(source.Name)}";
    }
}
