namespace Sentinel.Forwarding.Http.Answers;

/// <summary>A duration as one would say it.</summary>
internal static class RoughDuration
{
    /// <summary>Such as <c>a few seconds</c>, <c>40 seconds</c>, <c>1 minute 30 seconds</c>, <c>12 minutes</c>, <c>3 hours</c>.</summary>
    public static string Of(TimeSpan duration)
    {
        var seconds = Math.Max(0, duration.TotalSeconds);
        return seconds switch
        {
            < 5 => "a few seconds",
            < 52.5 => Count(Nearest(seconds, 5), "second"),
            < 285 => Minutes(Nearest(seconds, 30)),
            < 58.5 * 60 => Count(Nearest(seconds, 60) / 60, "minute"),
            < 36 * 3600 => Count(Math.Max(1, Nearest(seconds, 3600) / 3600), "hour"),
            _ => Count(Nearest(seconds, 86400) / 86400, "day"),
        };
    }

    private static string Minutes(int seconds) =>
        seconds < 60 ? Count(seconds, "second")
        : seconds % 60 == 0 ? Count(seconds / 60, "minute")
        : $"{Count(seconds / 60, "minute")} {Count(seconds % 60, "second")}";

    private static string Count(int count, string unit) => count == 1 ? $"1 {unit}" : $"{count} {unit}s";

    private static int Nearest(double value, int step) => (int)Math.Round(value / step, MidpointRounding.AwayFromZero) * step;
}
