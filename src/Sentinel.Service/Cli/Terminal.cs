using System.Globalization;
using System.Text;

namespace Sentinel.Service.Cli;

/// <summary>Where commands write.</summary>
internal static class Terminal
{
    private const int UsualWidth = 80;

    /// <summary>Columns; the usual 80 where output goes to a file or pipe.</summary>
    public static int Width
    {
        get
        {
            if (Console.IsOutputRedirected)
            {
                return UsualWidth;
            }

            try
            {
                return Console.WindowWidth > 0 ? Console.WindowWidth : UsualWidth;
            }
            catch (IOException)
            {
                return UsualWidth;
            }
        }
    }

    /// <summary>Writes one line to standard output.</summary>
    public static void Say(string line) => Console.Out.Write(Tame(line) + "\n");

    /// <summary>Writes lines to standard output.</summary>
    public static void Say(IEnumerable<string> lines) => Console.Out.Write(string.Concat(lines.Select(line => Tame(line) + "\n")));

    /// <summary>Writes one line to standard error.</summary>
    public static void Complain(string message) => Console.Error.Write($"sentinel: {Tame(message)}\n");

    /// <summary>What a daemon, a VM or a file said must not command the terminal.</summary>
    public static string Tame(string text)
    {
        var tame = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            tame.Append(char.IsControl(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator ? ' ' : c);
        }

        return tame.ToString();
    }
}
