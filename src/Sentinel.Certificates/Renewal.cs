namespace Sentinel.Certificates;

/// <summary>When an authority would like a certificate to be renewed (RFC 9773 §4.2).</summary>
internal sealed record SuggestedWindow(DateTimeOffset Start, DateTimeOffset End);

/// <param name="Window">When to renew.</param>
/// <param name="AskAgain">When the authority wants to be asked again; null if it does not say.</param>
internal sealed record RenewalAdvice(SuggestedWindow Window, TimeSpan? AskAgain);

/// <summary>When to renew, and when to try again. Pure: what is random is drawn by the caller.</summary>
internal static class Renewal
{
    /// <summary>An order is never repeated sooner, whatever asks for it.</summary>
    public static readonly TimeSpan LeastPause = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan MostPause = TimeSpan.FromHours(6);

    /// <summary>So many failures in a row at one authority, which take a quarter of an hour, and the next one is tried.</summary>
    private const int Patience = 4;

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(15);

    /// <summary>When a certificate is due: at a moment within the authority's window, else when a third of its life is left, or somewhat earlier.</summary>
    /// <param name="draw">From 0 to 1; the same for the same certificate, so that a restart does not draw anew.</param>
    /// <param name="isCaredFor">Whether somebody else should renew it first, and has until half of that time is over.</param>
    public static DateTimeOffset Due(DateTimeOffset notBefore, DateTimeOffset notAfter, SuggestedWindow? window, double draw, bool isCaredFor = false)
    {
        if (window is not null)
        {
            return window.Start + ((window.End - window.Start) * draw);
        }

        var life = notAfter - notBefore;
        return notAfter - (life / (isCaredFor ? 6 : 3)) - (life / 50 * draw);
    }

    /// <summary>How long to wait after failures in a row: a minute, doubling, up to six hours.</summary>
    /// <param name="draw">From 0 to 1.</param>
    public static TimeSpan Pause(int failures, double draw)
    {
        var pause = LeastPause * Math.Pow(2, Math.Clamp(failures - 1, 0, 12));
        pause = pause < MostPause ? pause : MostPause;
        return pause + (pause * 0.1 * draw);
    }

    /// <summary>
    /// Which of several authorities is asked next, and when: the first in turn, which moves on after some failures in a row. One
    /// that wants to be left alone for longer than that many failures take is passed over; if all do, it is the one that is ready first.
    /// </summary>
    /// <param name="from">When the pause is over.</param>
    /// <param name="notBefore">For each authority, until when it wants to be left alone.</param>
    public static (int Authority, DateTimeOffset At) Next(int failures, DateTimeOffset from, IReadOnlyList<DateTimeOffset> notBefore)
    {
        var inTurn = Enumerable.Range(0, notBefore.Count).Select(i => ((failures / Patience) + i) % notBefore.Count).ToArray();
        var next = Array.FindIndex(inTurn, i => notBefore[i] <= from + LongestWait) is >= 0 and var found ? inTurn[found] : inTurn.MinBy(i => notBefore[i]);
        return (next, notBefore[next] > from ? notBefore[next] : from);
    }

    /// <summary>A number from 0 to 1 that belongs to a certificate.</summary>
    public static double Draw(HeldCertificate certificate) => uint.Parse(certificate.Fingerprint.AsSpan(0, 8), System.Globalization.NumberStyles.HexNumber) / (double)uint.MaxValue;
}
