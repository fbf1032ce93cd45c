using System.Globalization;

namespace Sentinel.Service.Admin;

/// <summary>Figures as people say them: on the status page, in the terminal, in the service manager's status line.</summary>
internal static class Spoken
{
    /// <summary>The two units that matter: <c>0.4 s</c>, <c>42 s</c>, <c>1 m 11 s</c>, <c>2 h 5 m</c>, <c>3 d 4 h</c>.</summary>
    public static string Duration(TimeSpan span)
    {
        if (span < TimeSpan.Zero)
        {
            span = TimeSpan.Zero;
        }

        return span switch
        {
            { TotalSeconds: < 10 } when span.Milliseconds >= 100 => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(span.TotalSeconds * 10) / 10:0.#} s"),
            { TotalMinutes: < 1 } => $"{span.Seconds} s",
            { TotalHours: < 1 } => Two(span.Minutes, "m", span.Seconds, "s"),
            { TotalDays: < 1 } => Two(span.Hours, "h", span.Minutes, "m"),
            _ => Two(span.Days, "d", span.Hours, "h"),
        };
    }

    /// <summary>How long ago, in whole seconds: nobody wants to see tenths move.</summary>
    public static string Ago(DateTimeOffset at, DateTimeOffset now) => Duration(TimeSpan.FromSeconds(Math.Max(0, Math.Floor((now - at).TotalSeconds))));

    /// <summary>A number of things: <c>1 backend</c>, <c>2 backends</c>.</summary>
    public static string Count(long number, string thing) => number == 1 ? $"1 {thing}" : $"{number} {thing}s";

    private static string Two(int large, string largeUnit, int small, string smallUnit) =>
        small == 0 ? $"{large} {largeUnit}" : $"{large} {largeUnit} {small} {smallUnit}";
}
