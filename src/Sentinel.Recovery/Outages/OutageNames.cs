using System.Text.Json;

namespace Sentinel.Recovery.Outages;

/// <summary>The stable names that records, status and metrics use, in snake case.</summary>
public static class OutageNames
{
    private static readonly string[] Refusals = Of<Refusal>();
    private static readonly string[] Causes = Of<OutageCause>();
    private static readonly string[] Marks = Of<OutageMark>();
    private static readonly string[] Sources = Of<OutageSource>();

    /// <summary>Such as <c>no_capacity</c>.</summary>
    internal static string ToName(this Refusal refusal) => Refusals[(int)refusal];

    /// <summary>Such as <c>host_error</c>.</summary>
    public static string ToName(this OutageCause cause) => Causes[(int)cause];

    /// <summary>Such as <c>start_requested</c>.</summary>
    public static string ToName(this OutageMark mark) => Marks[(int)mark];

    /// <summary>Such as <c>probe</c>.</summary>
    public static string ToName(this OutageSource source) => Sources[(int)source];

    private static string[] Of<T>()
        where T : struct, Enum => [.. Enum.GetNames<T>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)];
}
