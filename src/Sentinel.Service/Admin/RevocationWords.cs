using System.Text.Json;
using Sentinel.Certificates;

namespace Sentinel.Service.Admin;

/// <summary>Reasons for revoking as people and programs write them: the words of RFC 5280.</summary>
internal static class RevocationWords
{
    private static readonly Dictionary<string, RevocationReason> ByWord =
        Enum.GetValues<RevocationReason>().ToDictionary(reason => JsonNamingPolicy.CamelCase.ConvertName(reason.ToString()), StringComparer.OrdinalIgnoreCase);

    /// <summary>All of them, as a list in a sentence.</summary>
    public static string All { get; } = string.Join(", ", ByWord.Keys);

    /// <summary>Null: it is none. Nothing at all is no reason given.</summary>
    public static RevocationReason? Parse(string? word) => string.IsNullOrEmpty(word) ? RevocationReason.Unspecified : ByWord.TryGetValue(word, out var reason) ? reason : null;
}
