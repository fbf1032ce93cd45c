using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Sentinel.Service.Configuration.Values;

/// <summary>Durations as the file writes them: whole numbers with the units h, m, s and ms, the longest first.</summary>
internal static partial class Duration
{
    /// <summary>What is well-formed, for the schema.</summary>
    public const string Pattern = Start + "$";

    // .NET's $ would let a line break at the end pass, a schema's does not
    private const string Start = "^(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?";

    private static readonly (string Unit, long Ticks)[] Units =
    [
        ("h", TimeSpan.TicksPerHour), ("m", TimeSpan.TicksPerMinute), ("s", TimeSpan.TicksPerSecond), ("ms", TimeSpan.TicksPerMillisecond),
    ];

    /// <summary>Reads a duration; false if it is malformed or longer than a <see cref="TimeSpan"/>.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var match = WellFormed().Match(text);
        if (!match.Success)
        {
            return false;
        }

        Int128 ticks = 0;
        foreach (var (index, (unit, perUnit)) in Units.Index())
        {
            var part = match.Groups[index + 1].ValueSpan;
            if (!part.IsEmpty)
            {
                if (!long.TryParse(part[..^unit.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var count))
                {
                    return false;
                }

                ticks += (Int128)count * perUnit;
            }
        }

        duration = ticks <= TimeSpan.MaxValue.Ticks ? new((long)ticks) : default;
        return ticks <= TimeSpan.MaxValue.Ticks;
    }

    /// <summary>The shortest way to write a duration; parts of a millisecond are left out.</summary>
    public static string ToText(TimeSpan duration)
    {
        var text = new StringBuilder();
        var rest = duration.Ticks;
        foreach (var (unit, perUnit) in Units)
        {
            if (rest / perUnit > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"{rest / perUnit}{unit}");
            }

            rest %= perUnit;
        }

        return text.Length == 0 ? "0s" : text.ToString();
    }

    /// <summary>What somebody meant who wrote a fraction, a capital, a blank, no unit, or a day; null if that is not plain.</summary>
    public static string? Correct(string text)
    {
        var match = Loose().Match(text);
        if (!match.Success || !double.TryParse(match.Groups[1].ValueSpan, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count))
        {
            return null;
        }

        double ticks = count * match.Groups[2].Value.ToLowerInvariant() switch
        {
            "d" or "day" or "days" => TimeSpan.TicksPerDay,
            "h" or "hr" or "hour" or "hours" => TimeSpan.TicksPerHour,
            "m" or "min" or "minute" or "minutes" => TimeSpan.TicksPerMinute,
            "ms" => TimeSpan.TicksPerMillisecond,
            _ => TimeSpan.TicksPerSecond,
        };
        return ticks < TimeSpan.MaxValue.Ticks ? ToText(new((long)ticks)) : null;
    }

    [GeneratedRegex(Start + "\\z", RegexOptions.CultureInvariant)]
    private static partial Regex WellFormed();

    [GeneratedRegex("^ *([0-9]+(?:\\.[0-9]+)?) *(d|days?|h|hr|hours?|m|min|minutes?|s|sec|seconds?|ms|) *\\z", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Loose();
}
